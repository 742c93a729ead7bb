export interface LabelledSentence {
  kind: 'chat' | 'news' | 'technical'
  text: string
  /** The person that "I" refers to. */
  speaker: string | undefined
  relations: [subject: string, predicate: string, object: string][]
}

/** Reads `text @speaker => subject; predicate; object | …`. A sentence without relations has `-`. */
function labelled(kind: LabelledSentence['kind'], lines: string): LabelledSentence[] {
  return lines
    .trim()
    .split('\n')
    .map((line) => {
      const [said, facts] = line.trim().split(' => ') as [string, string]
      const [text, speaker] = said.split(' @@') as [string, string | undefined]
      const relations =
        facts === '-' ? [] : facts.split(' | ').map((fact) => fact.split('; ') as [string, string, string])
      return { kind, text, speaker, relations }
    })
}

/**
 * Sentences with all relations that a careful reader accepts: stated as facts, about things that the sentence names. Conditions, questions,
 * wishes and plans of a possible thing are not facts. Predicates are in their base form. Written before the rules were changed for them.
 */
export const RELATIONS_GOLD: readonly LabelledSentence[] = [
  ...labelled(
    'chat',
    `
    I live in Tartu and work at Bolt. @@Mia => Mia; live in; Tartu | Mia; work at; Bolt
    Yesterday Alice met Bob at the station. => Alice; meet; Bob | Alice; meet at; station | Bob; at; station
    Sorry about your busy week, John! @@Mia => -
    Bob gave me a book about chess. @@Mia => Bob; give; book | book; about; chess | Bob; give book to; Mia | Bob; give; Mia
    We got married last June. @@Mia => -
    If it rains, Alice cancels the trip. => -
    I'm thinking about adopting a dog. @@Mia => -
    I no longer work at Google. @@Mia => Mia; no longer work at; Google
    Congrats, I'm so glad for you! @@Mia => -
    I'm gonna visit Porto next week. @@Mia => Mia; visit; Porto
    My brother Tom plays the drums in a jazz band. @@Mia => Mia; have brother; Tom | Tom; play; drums | Tom; play in; jazz band | drums; in; jazz band
    Nate: I bought a car. => Nate; buy; car
    Do you know where Carol lives? @@Mia => -
    Hey Ana, how was the concert? @@Mia => -
    I've been learning the piano since March. @@Mia => Mia; learn; piano | Mia; learn since; March | Mia; be learn since; March
    Carlos and I opened a bakery in Lyon. @@Mia => Carlos; open; bakery | Mia; open; bakery | bakery; in; Lyon | Carlos; open in; Lyon | Mia; open in; Lyon
    My daughter Eva starts school on Monday. @@Mia => Mia; have daughter; Eva | Eva; start; school | Eva; start on; Monday
    Thanks, that means a lot to me. @@Mia => -
    I prefer green tea to coffee. @@Mia => Mia; prefer; green tea | Mia; prefer to; coffee
    Rosa doesn't eat meat. => Rosa; do not eat; meat
    Tomorrow I fly to Madrid with Leo. @@Mia => Mia; fly to; Madrid | Mia; fly with; Leo
    My favorite author is Ursula Le Guin. @@Mia => Mia; have favorite author; Ursula Le Guin
    I wish I had a garden. @@Mia => -
    Let's meet at the office at noon. @@Mia => -
    Peter and Julia moved to Ghent in 2021. => Peter; move to; Ghent | Julia; move to; Ghent | Peter; move in; 2021 | Julia; move in; 2021
    Jonas lent his camera to Nina. => Jonas; lend; camera | Jonas; lend to; Nina | Jonas; have; camera
    I am allergic to peanuts and my sister is vegan. @@Mia => Mia; be allergic to; peanuts | Mia; have; sister
    I might buy a bike next month. @@Mia => -
    My phone number is in the profile. @@Mia => Mia; have; phone number
    Emma told me that Lukas works at Siemens. @@Mia => Lukas; work at; Siemens | Emma; tell; Mia
    Wow, the food at Noma was amazing! @@Mia => food; at; Noma
    I used to play tennis with Oscar. @@Mia => Mia; use to play; tennis | Mia; use to play with; Oscar | Mia; play; tennis | Mia; play with; Oscar
    Grandma taught me how to bake bread. @@Mia => Grandma; teach; Mia
    Haha yes, Paul loves that show. => -
    I grew up in a small village near Cusco. @@Mia => Mia; grow up in; village | village; near; Cusco
    Sara is my manager and she reports to Dave. @@Mia => Sara; be manager of; Mia | Mia; have manager; Sara | Sara; report to; Dave
    Ich wohne in Berlin und arbeite bei Siemens. @@Mia => -
    Müller arbeitet bei Siemens in München. => -
    Vivo en Madrid y trabajo en un banco. @@Mia => -
    My dog Rex chased a cat through the park. @@Mia => Mia; have dog; Rex | Rex; chase; cat | Rex; chase through; park
  `,
  ),
  ...labelled(
    'news',
    `
    The board today approved the merger. => board; approve; merger
    Unions representing workers have warned of strikes. => Unions; represent; workers | Unions; warn of; strikes
    The CEO of OpenAI, Sam Altman, and the CTO, Mira Murati, met regulators. => Sam Altman; be CEO of; OpenAI | Sam Altman; meet; regulators | Mira Murati; meet; regulators
    Ludwig van Beethoven was born in Bonn. => Ludwig van Beethoven; be born in; Bonn
    Osama bin Laden founded the group in 1988. => Osama bin Laden; found; group | Osama bin Laden; found in; 1988
    Two nurses at St. Mary's Hospital received an award. => nurses; at; St. Mary's Hospital | nurses; receive; award
    Apple acquired the startup for 200 million dollars. => Apple; acquire; startup | Apple; acquire for; dollars
    The minister, who resigned on Friday, denied the charges. => minister; deny; charges | minister; resign on; Friday
    Volkswagen said on Tuesday it would close its plant in Dresden. => plant; in; Dresden | Volkswagen; say on; Tuesday
    Angela Merkel led Germany from 2005 to 2021. => Angela Merkel; lead; Germany | Angela Merkel; lead from; 2005 | Angela Merkel; lead to; 2021
    The company, based in Oslo, employs 300 people. => company; employ; people | company; be base in; Oslo | company; base in; Oslo
    Spain beat France in the final in Berlin. => Spain; beat; France | Spain; beat in; final | final; in; Berlin | Spain; beat in; Berlin | France; in; final
    Police arrested a man suspected of robbing three banks. => Police; arrest; man | man; rob; banks | man; be suspect of rob; banks
    The court in Strasbourg ruled against Hungary. => court; in; Strasbourg | court; rule against; Hungary
    Toyota, the largest carmaker in Japan, recalled a million vehicles. => Toyota; be carmaker in; Japan | Toyota; be largest carmaker in; Japan | Toyota; recall; vehicles
    A fire destroyed the library on Sunday. => fire; destroy; library | fire; destroy on; Sunday
    Prime Minister Mark Rutte visited Kyiv. => Mark Rutte; visit; Kyiv | Mark Rutte; be a; Prime Minister
    Greta Thunberg joined protesters outside the parliament in Stockholm. => Greta Thunberg; join; protesters | protesters; outside; parliament | parliament; in; Stockholm | Greta Thunberg; join outside; parliament | Greta Thunberg; join in; Stockholm
    The bank plans to cut 500 jobs. => bank; plan to cut; jobs
    Maria Ressa won the Nobel Peace Prize in 2021. => Maria Ressa; win; Nobel Peace Prize | Maria Ressa; win in; 2021
    Farmers blocked roads near Toulouse after prices fell. => Farmers; block; roads | roads; near; Toulouse | Farmers; block near; Toulouse
    The airline cancelled flights to Tel Aviv because of the strike. => airline; cancel; flights | flights; to; Tel Aviv | airline; cancel to; Tel Aviv
    Satya Nadella succeeded Steve Ballmer as CEO of Microsoft in 2014. => Satya Nadella; succeed; Steve Ballmer | Satya Nadella; succeed as; CEO | Satya Nadella; succeed as; CEO of Microsoft | CEO; of; Microsoft | Satya Nadella; succeed in; 2014
    The mayor of Lisbon opened a new museum. => mayor; of; Lisbon | mayor; open; museum
    Scientists at CERN discovered the particle in 2012. => Scientists; at; CERN | Scientists; discover; particle | Scientists; discover in; 2012
    Nokia sold its phone business to Microsoft. => Nokia; sell; phone business | Nokia; sell to; Microsoft | Nokia; have; phone business
    The US and Canada signed a treaty on water. => US; sign; treaty | Canada; sign; treaty | treaty; on; water | US; sign on; water | Canada; sign on; water
    Voters rejected the proposal, officials said. => Voters; reject; proposal
    If elected, Smith would lower taxes. => -
    Inflation in Turkey rose to 61 percent in March. => Inflation; in; Turkey | Inflation; rise in; March
    The film, directed by Greta Gerwig, earned a billion dollars. => film; earn; dollars | film; be direct by; Greta Gerwig | film; direct by; Greta Gerwig
    Rafael Nadal lost to Novak Djokovic in Paris. => Rafael Nadal; lose to; Novak Djokovic | Rafael Nadal; lose in; Paris | Novak Djokovic; in; Paris
    The storm killed twelve people in Mozambique. => storm; kill; people | people; in; Mozambique | storm; kill in; Mozambique
    Lawmakers may vote on the bill next week. => -
    Amnesty International criticised the decision of the court. => Amnesty International; criticise; decision | decision; of; court | Amnesty International; criticise; decision of the court
    Jeff Bezos founded Amazon in Seattle in 1994. => Jeff Bezos; found; Amazon | Amazon; in; Seattle | Jeff Bezos; found in; Seattle | Jeff Bezos; found in; 1994
    Researchers from Oxford published a study in Nature. => Researchers; from; Oxford | Researchers; publish; study | Researchers; publish in; Nature | study; in; Nature
    The ship sank off the coast of Greece. => ship; sink off; coast | coast; of; Greece | ship; sink off; coast of Greece
    Le président a visité Marseille. => -
    Der Kanzler besuchte am Montag Warschau. => -
  `,
  ),
  ...labelled(
    'technical',
    `
    Node.js uses the V8 engine. => Node.js; use; V8 engine
    The fix was merged into the 4.x branch. => fix; be merge into; 4.x branch
    The billing service depends on Redis and PostgreSQL. => billing service; depend on; Redis | billing service; depend on; PostgreSQL
    PostgreSQL 17 supports incremental backups. => PostgreSQL 17; support; incremental backups
    Kafka stores messages in topics. => Kafka; store; messages | Kafka; store in; topics | messages; in; topics
    The function returns a promise. => function; return; promise
    We migrated the API from Express to Fastify. => -
    Next.js 14 requires Node.js 18. => Next.js 14; require; Node.js 18
    Docker runs containers on Linux. => Docker; run; containers | Docker; run on; Linux | containers; on; Linux
    Set the timeout to 30 seconds. => -
    The scheduler, written in Rust, assigns jobs to workers. => scheduler; assign; jobs | scheduler; assign to; workers | scheduler; be write in; Rust | scheduler; write in; Rust
    Terraform creates the bucket and attaches the policy. => Terraform; create; bucket | Terraform; attach; policy
    The cache is invalidated when a user logs out. => -
    Grafana reads metrics from Prometheus. => Grafana; read; metrics | Grafana; read from; Prometheus | metrics; from; Prometheus
    Clients send requests to the gateway, which forwards them to the backend. => Clients; send; requests | Clients; send to; gateway | gateway; forward to; backend
    To install the package, run npm install. => -
    TypeScript is a superset of JavaScript. => TypeScript; be a superset of; JavaScript | TypeScript; be superset of; JavaScript
    Linus Torvalds created Git in 2005. => Linus Torvalds; create; Git | Linus Torvalds; create in; 2005
    If the token expires, the server returns an error. => -
    The worker uploads logs to the S3 bucket every hour. => worker; upload; logs | worker; upload to; S3 bucket
    Elasticsearch is built on Lucene. => Elasticsearch; be build on; Lucene
    Version 2.0 removed the deprecated flag. => Version 2.0; remove; deprecated flag | Version 2.0; remove; flag
    The parser does not support comments. => parser; do not support; comments
    ESLint should be configured in the root folder. => -
    The team at Google released Kubernetes in 2014. => team; at; Google | team; release; Kubernetes | team; release in; 2014
    A pod contains one or more containers. => pod; contain; containers | pod; contain; more containers
    Sentry reports errors to Slack. => Sentry; report; errors | Sentry; report to; Slack
    The index speeds up queries on large tables. => index; speed up; queries | queries; on; large tables | index; speed up on; large tables
    React, developed by Meta, renders components. => React; render; components | React; be develop by; Meta | React; develop by; Meta
    Users can export data as CSV. => Users; can export; data | Users; export; data | Users; can export as; CSV
    The proxy listens on port 8080. => proxy; listen on; port 8080 | proxy; listen on; port
    Make sure that the database is running. => -
    The library wraps the OpenSSL API and exposes a simple interface. => library; wrap; OpenSSL API | library; expose; simple interface | library; expose; interface
    Messages that fail are moved to a dead letter queue. => Messages; be move to; dead letter queue | Messages; be move to; letter queue
    Redis no longer supports this command. => Redis; no longer support; command
    The maintainers of Babel dropped support for IE 11. => maintainers; of; Babel | maintainers; drop; support | maintainers; drop support for; IE 11 | support; for; IE 11 | maintainers; drop for; IE 11
    The CLI writes its configuration to config.json. => CLI; write; configuration | CLI; write to; config.json | CLI; have; configuration
    Webpack bundles modules for the browser. => Webpack; bundle; modules | Webpack; bundle for; browser | modules; for; browser
    Each shard holds a copy of the index. => shard; hold; copy | copy; of; index | shard; hold; copy of the index
    Nginx forwards traffic to two upstream servers. => Nginx; forward; traffic | Nginx; forward to; upstream servers | Nginx; forward to; servers
  `,
  ),
]
