/** A document with the one sentence that a reader would keep if only one could be kept. */
export interface KeyedDocument {
  kind: string
  text: string
  /** As it stands in `text`, where it is none of the first three sentences. */
  key: string
}

/**
 * 20 documents of 200 to 500 words whose point comes late, as it does outside of newspapers. The key sentence stands in
 * double brackets; it was chosen while the document was written, before any summariser saw it, and is not to be moved
 * to suit one.
 */
const MARKED: Record<string, string> = {
  'incident post-mortem': `
Incident review: checkout outage of 14 March

Prepared for the platform group by Ines Okafor. All times are in UTC and were taken from the alerting log. This review looks for causes and not for culprits.

At 09:12 the on-call engineer was paged because the share of failed checkouts had passed five percent. Two minutes later the dashboard showed that every request to the payment service waited for a database connection until it timed out. A restart of the payment service brought relief for about ninety seconds, after which the failures came back.

At first we suspected the network change of the night before, and forty minutes were lost in rolling it back. The rollback made no difference.

[[The outage happened because the nightly reconciliation job held its database connections open after a failed retry until the payment service had none left in its connection pool.]] The job had been moved from a separate host to the payment cluster in February, and from then on it shared the connection pool with the live traffic. Nobody noticed, because the job had not failed since the move.

At 10:31 the job was stopped by hand and the pool recovered within a minute. In total 4,180 checkouts failed, of which about two thirds were repeated by the customers on the same day.

What went well: the page arrived quickly, and the status page was updated after eleven minutes. What went badly: the pool had no alert, and the change log did not mention that the job had moved.

The job now has a pool of its own with a limit of five connections. An alert fires when the pool of the payment service is more than eighty percent used for three minutes. The handbook for the on-call engineer has a new page on connection pools.
`,
  'meeting minutes': `
Minutes of the allotment association, 7 October

Present were Marta, Dev, old Mr Hansen, the two sisters from plot nine and eleven other members. Apologies had come from Lena and from the Costa family. Tea was provided by Dev, and Marta took the minutes.

The minutes of the September meeting were read and accepted without changes. Mr Hansen asked again for the gate to be oiled, and Dev promised to do it on Saturday.

The treasurer reported a balance of 2,310 euros. The bill for the new compost bins has been paid. Three members have not paid their fee for this year and will be reminded.

Then came the question of water, which took most of the evening. The well gave no water for nineteen days in July and August, and several members carried water in cans from the school. A deeper well would cost about nine thousand euros. A connection to the town's water main would cost four thousand euros and a monthly fee. The sisters from plot nine spoke for large rain barrels on every shed. [[After a long discussion the members decided by eleven votes to three to connect the allotments to the town's water main before next summer and to raise the yearly fee by thirty euros to pay for it.]] Mr Hansen wished it to be noted that he thinks the water from the well tastes better.

Marta will ask the town for an offer in writing before the November meeting. Dev will find out whether the trench can be dug by the members themselves, which would save about a thousand euros.

Under other business the harvest party was praised, and thanks went to everybody who brought a cake. A grey jacket was left behind and hangs in the shed. The next meeting is on 4 November at seven o'clock.
`,
  'product page': `
Meet the Tarn 40

Some mornings begin at a desk and end on a ridge. You pack in the dark, you hope for the best, and somewhere around noon the sky turns. We have been there, more often than we like to admit.

So three years ago we began to sew backpacks in a former sail loft in Bergen, and we carried every sample over the mountains ourselves. Some of them fell apart. One of them was eaten by a goat.

The Tarn 40 holds forty litres, which is enough for three days with a tent. The frame is a single loop of aluminium that can be bent by hand to the line of your back. The hip belt comes in four sizes and is changed without tools. [[What sets the Tarn 40 apart from other backpacks is that its whole body is welded from one piece of recycled sailcloth without a single seam, so that it stays dry inside through days of rain without a rain cover.]] The roll top closes with one hand, even in gloves.

Inside there is a sleeve for a bottle or a laptop of up to fifteen inches, and a flat pocket in a bright colour where keys can be found at night. Outside there are loops for poles, an axe or a wet towel.

It weighs 1,080 grams in the medium size. It comes in moss, slate and a red that can be seen from the next valley.

Every pack is repaired free of charge for ten years. Send it to us, clean if you can, and tell us what happened; the best story of the month hangs on the wall of the loft.
`,
  'research abstract and discussion': `
Street trees and summer nights: notes from a two-year study

Cities are warmer than the land around them, above all at night. Trees are often named as a remedy, yet most measurements come from parks and were taken by day. We wanted to know what trees in ordinary streets do after sunset.

Between May 2021 and September 2022 we recorded the air temperature every ten minutes at 64 places in the city of Graz, half of them in streets with trees and half in streets without. The streets were paired by width, height of the buildings and traffic. Sensors were mounted on lamp posts at a height of three metres and were calibrated twice a year.

By day the result was as expected: streets with trees were cooler by 1.9 degrees on average in the afternoon. After sunset the picture changed. [[In narrow streets the dense crowns of the trees kept the heat of the day between the buildings, so that streets with trees were on average 0.6 degrees warmer at night than comparable streets without trees.]] In wide streets no difference could be found at night.

The effect was strongest on windless nights after hot days, which are the nights that matter most for the health of older people. It was absent in the weeks before the leaves had come out, which speaks for the crowns as the cause.

Our study has limits. It covers a single city in a basin with little wind, and it did not measure how people felt. Sensors on lamp posts may also see more of the warmth of the buildings than a person on the pavement does.

We do not conclude that trees should be felled. Rather, planners may prefer trees with light crowns for narrow streets, or leave gaps through which the warm air can rise.
`,
  'letter to a landlord': `
Dear Mr Feldmann,

I hope that this letter finds you and your wife well. We still speak of the kind welcome that you gave us when we moved in four years ago. The children have grown, as you will have seen in the staircase, and the little one starts school this autumn.

Since then much has happened in the house. The new front door is a great improvement, and the neighbours on the second floor have at last stopped practising the trumpet after ten. The garden has never looked better.

There is one matter that I have to raise, and I do so with reluctance. Last December the heating in the two rooms facing north began to fail. At first it was one evening, then a week. The plumber came in January and again in February, each time for an hour, and each time the radiators were cold again within days. On the coldest mornings we measured thirteen degrees in the children's room.

[[We therefore ask you to have the heating of the two northern rooms properly repaired by the end of September, and we shall reduce the rent by fifteen percent from October until the repair of the heating is done.]] The tenants' advice office has confirmed to us that this is our right, and I enclose a copy of its letter.

Please do not take this as a sign of bad will. We like living here and would like to stay for many years. If it helps, I can be at home on any weekday before noon to let the plumber in, and my brother, who knows about boilers, would gladly talk to him.

With kind regards, also from my husband,
Teresa Lindqvist
`,
  'newspaper feature': `
The last ferry

At half past five in the morning the harbour of Sollvik belongs to the gulls. Anders Moe, 61, unlocks the wheelhouse, puts a pan of coffee on the small stove and listens to the weather from the radio. He has done this for thirty-four years.

There are nine passengers today. Two nurses come off the night shift, a boy carries a cello, and a woman with a dog says that she has no reason to go anywhere and simply likes the crossing. The fare is four crowns, as it was in 1998. Nobody checks.

For more than a century the ferry was the only way to the islands. It brought doctors, coffins, pianos and once, in a hard winter, a bear for the travelling circus. Children were born on it. Moe keeps a list of them in the drawer under the compass, and there are seven names on it.

Then the bridge came. It opened two summers ago, and the drive from the islands to the town, which took an hour and a half by way of the ferry, now takes eleven minutes. [[In June the county council decided to end the ferry service between Sollvik and the islands on the last day of the year, because since the opening of the bridge it has carried fewer than forty passengers a day.]] The ship will be sold, perhaps to Greece.

On the islands opinions are divided. The owner of the shop says that the bridge has doubled her trade. The teacher says that the children no longer know how to wait.

Moe himself shrugs when he is asked. He has bought a small boat. In the first week of January he intends to make the crossing as always, at half past five, with coffee and whoever wants to come.
`,
  'quarterly report': `
Quarterly report to the members of the Northfield Food Cooperative

This report covers the months from April to June. It was prepared by the board and has been looked through by the auditors. Figures for the same months of last year are given in brackets.

Sales reached 1.42 million euros (1.31 million). Bread and pastry grew most, followed by fruit. Sales of wine fell for the third time in a row. The number of members rose to 5,204 (4,930).

Costs rose as well. Wages went up by four percent in May, as had been agreed with the union. The price of electricity for the cold rooms was a fifth higher than a year before. Two of the delivery vans had to be repaired.

[[Although sales rose by eight percent, the cooperative made a loss of 61,000 euros in the quarter, because the costs of energy and wages grew faster than the prices that we asked of our members.]] A year ago the same quarter had ended with a profit of 22,000 euros. The reserves are sufficient to bear a loss of this size for about two years.

The board has looked at several ways to respond. Closing the branch at the station would save rent, but a third of the new members shop there. Older cold rooms could be replaced with the help of a grant, for which an application was made in June. Prices for dry goods will rise by about three percent in September.

The shop in Mill Lane was painted in May by volunteers, to whom the board gives its thanks. The summer festival drew about six hundred guests and covered its own costs.

The next general meeting takes place on 19 September in the school hall. Motions should reach the board two weeks before.
`,
  'technical proposal': `
Proposal 17: storing attachments

Status: draft. Author: Piotr. Reviewers: Hana, Wes. Please comment in the margin until Friday.

Today our application stores attachments in the main database, as large columns beside the messages. This was the right decision when there were few of them and when nobody wanted to run a second system. There are now eleven million attachments, and together they take up 3.8 terabytes.

Several troubles follow from it. A backup of the database takes nineteen hours, and a restore has not been tried since last autumn because no machine has a large enough disk. Replication falls behind whenever someone uploads a video. The upgrade to the next major version has been put off twice.

We considered compressing the attachments, which would save perhaps a tenth, since most of them are pictures. We considered deleting those older than three years, but the contracts with two customers forbid it. A separate database for attachments would only move the trouble elsewhere.

[[We propose to move all attachments out of the main database into an object store, where each attachment is named by the hash of its content, and to keep only the hash in the database.]] Because of the hash, an attachment that was sent to a hundred people is stored once; a sample suggests that this alone saves forty percent of the space.

The move can be made without stopping the service. New attachments go to the object store from the first day, reads look there first and fall back to the database, and a background task carries over the old ones at night. We expect this to take about five weeks.

The costs are an additional system to watch and to back up, and one more round trip for every download. We think that both are bearable.
`,
  'travel diary': `
Day eleven: over the pass

I woke before the alarm, because of the cold or because of the donkeys. The innkeeper had left bread and a thermos on the stairs with a note that I could not read. My boots were still wet.

The path begins behind the chapel and climbs through larches for an hour. I met nobody except a man with a scythe who asked where I came from and then, before I could answer, told me about his knees. Above the trees the wind was strong enough to lean on.

I had planned to cross by the eastern pass, as every guidebook says. At the fork there was a hand-painted board with one word on it, closed, and no reason. The map showed a second way, a thin dotted line along the lake. So I took the dotted line, not without thinking of my sister, who always says that dotted lines are drawn by people who stayed at home.

It was slow going. Twice I lost the path among the boulders and once I had to wade. But the lake was of a green that I have no word for, and on the far shore stood a herd of ibex, eighteen of them, quite still. [[If I were to give one piece of advice to anyone who walks this route, it would be to leave the crowded eastern pass aside and take the forgotten path along the lake, although it takes three hours longer.]]

I reached the hut at dusk, with one dry sock. The warden put soup in front of me without asking. There were four others at the table, all of whom had turned back at the board and come up by cable car.

Tomorrow down to the valley, a bath, and if there is any justice in the world, a cake.
`,
  'medical leaflet': `
Information for patients: taking Corvanil

Please read this leaflet before you take the first tablet. Keep it, as you may want to read it again. If you have further questions, ask your doctor or pharmacist.

What it is for. Corvanil lowers the blood pressure by widening the small vessels. It begins to work after about two hours, and its full effect is reached after two to three weeks.

How to take it. The usual dose is one tablet in the morning, with a glass of water. It does not matter whether you have eaten. If you forget a tablet, take the next one at the usual time and do not double the dose.

Possible effects. One in ten patients has a headache during the first week. One in a hundred feels dizzy when standing up quickly. A dry cough has been seen and goes away when the tablets are stopped. See a doctor at once if your lips or your tongue swell.

[[Do not eat grapefruit or drink grapefruit juice while you take Corvanil, because grapefruit keeps the body from breaking the tablets down, so that the blood pressure can fall to a dangerous level.]] This holds for the whole time of the treatment and for three days after the last tablet, since the effect of a single glass lasts that long. Other citrus fruit does no harm.

Pregnancy. Corvanil has not been tried in pregnant women and should be taken only if your doctor advises it.

Driving. Some people feel tired during the first days. Wait until you know how you respond before you drive.

Storing. Keep the tablets in their box, below 25 degrees, where children cannot reach them. Do not use them after the date on the box. Ask your pharmacist how to dispose of what is left over.
`,
  'project e-mail': `
Hi all,

thanks for joining the call yesterday, especially to those for whom it was late in the evening. It was good to see the Manila office in the same picture as the rest of us for once. Sorry again about the echo.

A few things that I promised to send round. The slides are in the shared folder under October. The recording will follow as soon as Jonas has cut out the part where my cat joined. The expense forms for the trade fair are due on the 15th, and please attach the receipts this time.

On the new customer portal: design is finished, and the tests with customers went better than we had feared. Six out of eight found their invoices without help. The translation into Spanish is late but on its way. The load tests are what worries me, since the portal slowed down badly at about three hundred users at once, and we expect two thousand on the first day.

[[For this reason we have decided to put off the launch of the customer portal from 3 November to 12 January, so that the load tests can be repeated after the search has been rebuilt.]] I know that sales has already named the November date to some customers, and I will call those customers myself this week.

Until then the old portal stays as it is. Priya's team takes over the search, Tomasz prepares the new load tests, and Aiko keeps the list of open points. We meet every Tuesday at nine to see where we are.

One more thing: the coffee machine on the fourth floor is broken again. Facilities knows about it.

Have a good weekend,
Ruth
`,
  'court ruling summary': `
Regional court, third chamber: summary of case 3 C 218/22

The claimant runs a bakery on the ground floor of a house in the old town. The defendant owns the flat above it. The parties have been in dispute since the spring of 2021.

The defendant bought the flat in 2019 and has lived there since. The bakery has been in the house since 1954. Work in the bakery begins at three in the morning, and the kneading machines and the extractor can be heard in the flat. The defendant measured the noise for several weeks with a telephone and put up a banner on his balcony which said that the bakery robs the neighbourhood of its sleep.

The claimant asked that the banner be taken down and that the defendant be forbidden to repeat its words. The defendant asked in return that work in the bakery be forbidden before six in the morning.

An expert was heard. According to his measurements the noise in the bedroom reached 34 decibels at night with the windows closed, while the permitted level is 30 decibels. He held that rubber mounts under the machines would lower the noise by at least six decibels, at a cost of about seven thousand euros.

[[The court ruled that the bakery may go on working from three in the morning, but has to put its machines on rubber mounts within four months so that the noise in the flat stays within the permitted level at night.]] The banner may stay, since it expresses an opinion which a neighbour in a dispute of this kind has to bear.

Each party bears its own costs. An appeal was not admitted, because the case turns on its particular facts. The ruling became final on 2 May.
`,
  'how-to article': `
Keeping a sourdough alive

Everyone who bakes seems to own a jar of sourdough with a name. Ours is called Gerald, and he is older than the dog. People ask us all the time how we keep him going.

The truth is that sourdough is tougher than its reputation. It is a crowd of wild yeasts and bacteria which live on flour and water, and in nature nobody feeds them twice a day. You need a jar, a spoon, flour and water, and no machine of any kind.

Feeding is simple. Keep a spoonful of the old dough, stir in fifty grams of flour and fifty grams of water, and wait. In a warm kitchen it will double within six hours. Rye flour makes it livelier, white flour makes it milder.

Then life gets in the way. You travel, you forget, and after three weeks the jar smells of nail polish, with a grey liquid on the top. Most people throw it away at this point. [[A neglected sourdough is almost never dead: pour off the grey liquid, feed a spoonful of the dough with fresh flour and water twice a day, and after three days the sourdough will rise again as if nothing had happened.]] Only mould, which is furry and coloured, is a reason to begin anew.

If you bake rarely, keep the jar in the fridge and feed it once a week. For long absences spread a thin layer on baking paper, let it dry and crumble it into a bag. Dried in this way it keeps for years; friends of ours posted some to New Zealand.

And give it a name. It is silly, but you are far less likely to forget somebody called Gerald.
`,
  obituary: `
Ilse Brandt, 1931 to 2023

Those who met her in her last years met a small woman with a large handbag who knew the timetable of the tram by heart. She spoke little of herself. When she was asked about the past, she would say that it had mostly been work.

Ilse Brandt was born in Stettin as the third of five children. Her father mended clocks. In the winter of 1945 the family fled to the west on foot, and she would later say that she had learned arithmetic on that road, by counting what was left of the bread.

She was among the four women in a year of two hundred who studied engineering in Hanover. After her degree no firm wanted her, so she taught mathematics at a girls' school and drew bridges in the evenings. In 1961 the road office took her on as a draughtswoman, at half the pay of her colleagues.

There she noticed, while copying the plans of others, that the steel joints of a certain type of bridge would tire much sooner than the tables said. Her superior laughed at it. She did the sums again, at home, for a year. [[Her calculation of how steel joints tire, which she published at her own expense in 1966, became the basis of the rules by which steel bridges are inspected all over Europe to this day.]] It is said to have saved hundreds of lives, though she disliked the phrase.

She became head of the bridge section in 1974 and stayed until she retired. She never married, travelled to every bridge she had calculated, and sang alto in the church choir for fifty years.

She leaves two nieces and a handbag full of tram tickets.
`,
  'policy memo': `
Memo: lunch in the primary schools

To the members of the education committee. You asked in the spring for a short account of the trial with free school lunches. The full report of ninety pages can be had from the office.

The trial ran for one school year in twelve of the forty primary schools of the town. All children in these schools were offered a warm lunch without charge and without a form to fill in. Until then parents could apply for a free lunch if their income was low, which about a third of those entitled did.

Participation was high. On an average day 88 percent of the children ate the lunch, compared to 41 percent before. Teachers report calmer afternoons, though this is hard to measure. Kitchens had to hire, and two of them needed new ovens.

The cost was 3.90 euros for each lunch, or 1.1 million euros for the year. About a quarter of this was saved elsewhere, since forms no longer had to be checked and reminders no longer sent.

[[The clearest effect of the free school lunches was that children in the twelve schools missed a fifth fewer days of school than children in the other schools, and the effect was largest among children from poor families.]] Marks in mathematics and reading did not change within the year, which is not surprising after so short a time.

There were complaints as well. Some parents would rather decide for themselves what their children eat, and the caterers had trouble with allergies in the first weeks. Waste was higher than planned, above all on days with fish.

The committee will have to decide in March whether the trial ends, goes on as it is or is extended to all schools. We shall be glad to answer questions.
`,
  'release notes': `
Harbour 6.0 release notes

Six months have passed since the last release, and 41 people have contributed to this one. Thank you all. Special thanks go to the translators, thanks to whom Harbour now speaks Catalan and Vietnamese.

The timeline has been redrawn and scrolls smoothly even with a hundred thousand entries. Filters can be saved under a name and shared with a link. Dark mode follows the setting of the system. The keyboard shortcuts are listed when you press the question mark.

Exports to spreadsheets now keep the time zone of each entry. The search understands quotation marks. Pictures are scaled down before they are uploaded, which saves space and time on slow lines.

[[Before you upgrade to this release you must convert your configuration file with the new command "harbour convert", because Harbour 6.0 no longer reads the old configuration format and will refuse to start with it.]] The command leaves the old configuration file in place and writes the new one beside it, so that you can go back.

Support for version 12 of the database has ended; versions 14 to 17 are tested. The old interface for plug-ins still works but prints a warning, and it will be removed in a year.

Many errors were corrected. Entries on the last day of a leap year are no longer lost. The clock in the corner does not jump when the laptop wakes. Printing in landscape works again. A crash when two people renamed the same folder at once has been found and mended.

Known problems: on some older tablets the map stays grey until it is touched. We are looking into it. Downloads are in the usual place, and the checksums are signed with the same key as before.
`,
  'history essay': `
Why the clocks of the railway won

In 1840 every town in England kept its own time. When it was noon in London it was ten minutes to noon in Bristol, and nobody minded. The sun was the master of the day, and the church clock was its servant.

Stagecoaches had lived with this without trouble. The guards carried watches that were set to lose or gain some minutes on the way. A coach that arrived a quarter of an hour late was a punctual coach.

The railways changed the scale of things. On a single track two trains that disagree about the time may meet. The companies printed their timetables in London time and telegraphed it down the line each morning, and for some years many stations showed two clocks, or one clock with two minute hands. The citizens of Exeter and of Oxford resisted for a long while. The dean of Exeter declared that the cathedral clock would not be dictated to by a timetable.

Historians have often told this as a story of science, with the observatory at Greenwich as its hero. But the astronomers had offered exact time for decades, and hardly anyone had wanted it. [[It was not science but the fear of accidents and of lawsuits that made the towns give up their local time: once the railway ran on London time, anyone who kept local time missed trains, appointments and deadlines in court.]] In 1858 a man lost his case in Dorchester because he came two minutes late by the clock of the court and in time by the clock of the town.

Parliament made the new time law only in 1880, when almost everyone was using it already. The minute hand at Exeter had been moved in 1852. The dean, it is said, did not look up.
`,
  'customer support answer': `
Hello Mr Adeyemi,

thank you for your patience, and for the photographs, which helped us a great deal. I can imagine how annoying it is when a new dishwasher stops in the middle of the programme. I have passed your case to our workshop and can now tell you more.

First, the things which it is not. The pump is fine, as the sound in your recording shows. The door closes as it should. The message E17 in the display does not mean that water is leaking, although the manual says so; this is an error in the manual, for which we apologise.

Our technician compared your recording with others from the same month of manufacture. In these machines a sensor reports that the water is too hot when it is not, and the machine then stops to protect the dishes. It tends to happen with the long programmes, as in your case, and more often when the machine is connected to warm water.

[[To solve the problem, please connect the dishwasher to the cold water tap instead of the warm water, after which the sensor will no longer stop the programme, and we shall send you a new sensor free of charge.]] The hose can be unscrewed by hand, and it takes about five minutes. Please close the tap before you begin.

The new sensor arrives within ten days. You do not have to fit it yourself; a technician from your area will call to make an appointment. Should the machine stop again before then, switch it off for a minute and choose the short programme.

As a small apology I have added two years to your guarantee. You need not do anything for it. If anything is unclear, simply answer this message, and it will reach me directly.

Kind regards,
Mireille Santos
`,
  'scientific news': `
What the octopus does at night

In a dim room at the marine station of Banyuls stand eleven tanks, each with a video camera, a clay pot and an octopus. The animals are named after composers. Satie, the largest, has learned to squirt water at the lamp.

Dr Noor Haddad and her two students have watched them sleep for a year. That octopuses sleep was known. They withdraw into the pot, turn pale, close their pupils to a slit and do not respond to a crab behind glass.

What had puzzled keepers for a long time are the minutes in between. About once an hour the sleeping animal begins to twitch. Colours run over its skin, dark and light, in stripes and in clouds. The eyes move. After a minute or so it turns pale again.

The group placed fine electrodes in the brains of four of the animals, a delicate operation that took two years to perfect. It then compared the signals of the brain during the twitching with those of the same animal when awake. [[The activity of the brain during the twitching phases of sleep turned out to be nearly the same as when the awake octopus hunts, which suggests that the octopus relives the events of the day in its sleep much as mammals do in dreams.]] The skin patterns, too, were those that the animal shows when it hunts a crab or hides from an eel.

Whether one may speak of dreams is disputed. Other researchers point out that the patterns might simply be a test of the skin, like the twitching of an infant's fingers. And four animals are few.

The next step is to let the octopuses learn something new in the evening and to see whether it turns up at night. Satie has been chosen. He is said to be against it.
`,
  'board letter to shareholders': `
Dear shareholders,

it has been a year of weather. The spring was the wettest in memory, the summer the driest, and in November a storm took the roof of our second greenhouse to the next village. Nobody was hurt, and the village was kind about it.

Our trade is seeds, and seeds are patient. We sold 3.2 million packets, some four percent more than in the year before. Tomatoes remain first, beans have overtaken carrots, and for reasons that escape us the demand for horseradish has trebled.

The new sorting line, of which we wrote to you last year, has been running since August. It sorts by colour with a camera and throws out one seed in sixty. The germination rate of our packets has risen to 93 percent. Customers have noticed, and the number of complaints has fallen by half.

You will want to know about the offer. In September a large chemical company offered to buy all shares of our company at twice their price, and we know that some of you would have liked to accept. [[The board has turned down the offer to buy the company, because the buyer would not promise to go on selling the four hundred old varieties of seeds which only our company still keeps.]] We believe that these varieties are what our customers come for, and that they will be worth more as the weather gets stranger.

The dividend will be 1.20 euros for each share, as last year. We intend to rebuild the greenhouse in glass rather than plastic, and a little lower.

Mrs Okonkwo leaves the board after nineteen years. There is a bean named after her, and it climbs well.

With our thanks for your trust,
the board
`,
}

/**
 * Ten more of 200 words, written and marked in the same way, whose key sentence is of ordinary length: in each of the
 * documents above it is the longest, so that a summariser which likes long sentences finds it there without any merit.
 */
const MARKED_SHORT: Record<string, string> = {
  'museum notice': `
Changes at the harbour museum

The harbour museum was founded in 1911 by two captains who could not agree on where to put their collections of knots. It has grown ever since, and today it holds some nine thousand objects, from figureheads and sextants to a stuffed walrus of doubtful origin.

Over the winter the roof above the great hall was examined by engineers, who spent eleven days among the beams with lamps and hammers. They found dry rot in four of the seven main trusses, and they advised us not to let visitors stand underneath when there is snow on the roof.

We asked for three offers, and the cheapest of them was far higher than our reserves. The city has since promised to pay half of the cost, and a foundation in Rotterdam has promised another quarter. The rest will have to come from donations.

[[The museum will be closed from April until the roof of the great hall has been repaired.]] The builders speak of fourteen months, though one of them laughed when he said it.

In the meantime the walrus and about two hundred other objects can be seen in the old customs house, free of charge, on every day but Monday. School classes may still book a guided tour there by telephone. Members of the society keep their discount in the café, which stays open and has a new and rather better baker.
`,
  'bug report': `
Totals on the invoice page differ from the exported file

I run the accounts of a small chain of flower shops and use your program every day, mostly in the evening when the shops have closed. For about three weeks the totals on the invoice page have not matched those in the exported file.

At first I thought that I had made a mistake in typing, so I entered the same forty invoices twice on two different computers. Both showed the same difference of a few cents. My colleague in the other branch, who works with an older version, does not see any difference with the same forty invoices.

I then removed the invoices one by one. With whole prices the totals always matched. With discounts of ten or twenty percent they matched as well, but with a discount of fifteen percent they did not.

[[The invoice page rounds the discount on each line, while the export rounds only the total.]] You can see it with three lines of 0.99 and a discount of fifteen percent.

I do not mind which of the two is right, but my tax adviser does, and she was not amused when I told her that it depends on where one looks. For now I export everything and add it up by hand in a spreadsheet, which takes me about half an hour each day.

I have attached the three invoices, both results and a picture of the settings. If you need anything else from me, I am in the shop until seven.
`,
  'school newsletter': `
News from the lower school

The autumn has been kind to us, and the younger classes spent nearly every morning of September in the woods. They came back with pockets full of acorns, two injured beetles and a theory about foxes which they will gladly explain to anybody who has an hour to spare.

Our new music room is in use at last. The piano was carried up the stairs by six fathers and a very patient mother, who told them where to put their feet. Lessons take place on Tuesday and Thursday afternoons.

As many of you have noticed, the morning traffic in front of the school has become worse since the bridge was closed. Cars stop on the crossing, reverse without looking and park on the pavement. Last week a girl of seven was knocked off her scooter by a car door and broke her wrist, and it could have been much worse.

[[From Monday, children may no longer be brought to the school gate by car.]] Please let them out at the swimming pool, from where teachers will walk with them in groups at half past seven and at a quarter to eight.

The bicycle workshop is looking for old tubes and a pump. The lost property box is so full that it no longer closes, and whatever is still in it at the end of the month goes to the flea market. We wish you a golden October.
`,
  'farm diary': `
Notes from the orchard, year six

It rained on the first of May and hardly again until the end of August, and whoever walked through the orchard in July heard the leaves rustle like paper. I carried water to the young trees in the evenings. The old ones had to manage alone.

We have three ways of looking after the ground under the trees, a third of the orchard each, as an experiment that my father began and that I have kept up out of stubbornness. One part is ploughed, one is mown, and in one we simply let everything grow and tread it down once in June with a heavy roller.

The ploughed part looked tidy all summer and dusty too. Its apples were small, and a good many fell before they were ripe. The mown part did a little better. I did not expect much of the third part, which looked like a meadow that somebody had fallen asleep in.

[[The trees in the trodden meadow bore almost twice as many apples as those in ploughed ground.]] I counted the crates three times, and then I asked my neighbour to count them again.

When I dug a spade deep in August, the soil under the flattened grass was dark, cool and damp, while the ploughed soil ran through my fingers. There were worms as well. I have sold the plough to a man from the coast, who was pleased with the price, and bought a second roller.
`,
  'tenant meeting summary': `
What was said at the residents' evening

Some sixty residents came to the evening in the community room, more than there were chairs for, and the caretaker had to fetch benches from the cellar. The housing company had sent two people and a model of the house made of grey cardboard.

They explained the plans with great care. The balconies are to be made deeper, the windows replaced and the walls insulated with panels of wood fibre. There was some applause for the windows. A lady from the fourth floor asked whether the swallows under the roof had been thought of, and they had not.

Then somebody asked about money. It emerged after several questions that the company is going to receive a grant for the insulation but not for the balconies, and that it may add a share of the remaining cost to the rents for as long as the tenancies last.

[[Rents will rise by about a tenth when the building work is finished.]] That would be seventy euros a month for a flat of average size.

The mood was no longer so friendly after this, although the representatives stayed calm and wrote everything down. Several people offered to look into the calculation, among them a retired surveyor who had brought his own copy of the law with coloured slips of paper in it. Another evening will be held in three weeks, with more chairs, and someone from the tenants' union will be invited as well.
`,
  'laboratory note': `
Why the second batch of glue failed

The first batch of the new glue, which we mixed on the ninth by hand in the small laboratory, held two oak boards together so firmly that the wood broke before the joint did. Everyone was pleased and there was cake.

The second batch, mixed on the twentieth in the large vessel with the same recipe, let go at less than half of that load. We repeated the test with other boards and with another press, and we let a person do it who had not seen the first result. It made no difference at all.

We then went through the recipe. The casein came from the same sack, and the lime had been weighed twice. The water came from the same tap and had the same temperature to within a degree. The large vessel had been cleaned with the usual soap and rinsed three times, as the log shows.

[[The glue failed because the stirrer in the large vessel beats air into it.]] Under the microscope the weak joints are full of tiny bubbles, and the strong ones have none.

A slower stirrer with broad blades has been ordered and should be here within the month. Until then Katrin mixes by hand in the small laboratory, five kilograms at a time, which is enough for the tests that the customer has asked for. We should also write down the speed of stirring in the recipe from now on, since nobody had ever thought of doing so.
`,
  'club e-mail': `
Dear rowers,

what a season it was, with two new boats, eleven medals and only one unplanned bath, about which the person concerned has asked us to be silent. Thank you to everyone who scraped, varnished, cooked and drove the trailer through the night to the regatta in the south.

The boathouse will be cleaned on the first Saturday in November from ten o'clock, and as always there will be soup. Please bring gloves, and brooms if you own any. The showers are going to be repaired in the same week, so wash at home.

There has been much talk about training in the winter. Some of you would like to row on the river as long as there is no ice, as we did in former years, while others have been asking for more hours in the gym. The committee listened to both sides, and it also talked at length to the river police and to our insurance company.

[[Nobody may row on the river alone between November and March.]] Boats with at least two rowers can go out by daylight, with life jackets, if they have signed the book in the hall.

Training in the gym takes place on Mondays and Wednesdays at six, starting from the third of November, and Henrike has promised to make it less boring than last year. The fee for it is included in what you pay anyway. Let me know by Sunday if you need one of the lockers.
`,
  'consumer test': `
Eight kettles and what we learned from them

A kettle boils water, and one would think that there is not much to be said about it. We bought eight of them in ordinary shops, at prices between 19 and 140 euros, and for six weeks we boiled water in them several thousand times with the help of a patient robot arm.

All of them boiled a litre in between two and three minutes, with no relation to the price. The dearest one plays a melody when it is done. Two of the cheap ones were louder than a vacuum cleaner, and one of them had a lid that opened only with two hands.

Next we measured how much energy each of them needs for a single cup. Here the differences were larger, since some cannot be filled with less than half a litre and some go on boiling for as long as twenty seconds before they switch themselves off.

[[The cheapest kettle in our test used the least energy and lasted the longest.]] It is made of plain steel, has one switch and looks like the kettles of forty years ago.

After the equivalent of five years of use, three of the others leaked at the window that shows the level of the water, and in two the switch had stopped working. None of the makers offers spare parts. We have given the survivors to a community kitchen, where they boil on, and kept the robot arm, for which we have great plans involving toasters.
`,
  'parish chronicle': `
The year 1787 in the chronicle of Oberau

In the spring of this year the snow lay until Saint George's day, and the hay was so scarce that the people fed their cows with the straw from their own roofs. Two calves were born with a white star, from which old Walburga foretold a change, without saying which.

In June there came a surveyor from the court with a brass instrument and four servants. He stood on every hill, wrote figures into a little book and was thought by many to be looking for silver. The children followed him in a long row, and he let them look through the glass one after another.

The priest invited him to table, and it became known what he had come for. The prince meant to lay a road from the salt works to the river, straight through the valley, so that the carts would no longer have to go around by the lake. The farmers were offered wages for digging and for carrying stones.

[[The village refused the road, for fear of the soldiers who would come along it.]] Forty men set their mark under the letter to the prince, the miller alone did not.

So the road was laid through the neighbouring valley, which has since become rich, with three inns and a chemist. Soldiers did come in the end, in the year nine, over the pass and without any road, and they stayed for two winters.
`,
  'security advice': `
What we learned from the stolen laptops

Between Christmas and New Year four laptops were taken from our office in Lyon by somebody who had a key, or who is good with locks. The police were quick and kind and did not leave us with much hope. One of the laptops has since turned up at a flea market, wiped clean.

The disks of all four had been encrypted, as the rules demand, and the passwords of their owners were changed within an hour after the theft had been noticed. From the records of our servers we know that nobody has tried to log in from any of the machines, neither on that day nor in the weeks since.

What caused us sleepless nights was something quite different. Three of the four owners had kept the only copy of their current work on their laptop, since the connection in that office is slow and copying takes so long. Among it were the drawings for the bridge in Annecy, on which two people had worked since the summer.

[[We lost five months of work because the laptops were not backed up.]] No thief could have done as much harm with our data as their absence has done.

Every laptop now copies its files to the server at noon and at night, and it complains loudly if this has not worked for two days. The office in Lyon has got a faster line, a new lock and a dog, although the dog belongs to Bastien and was planned anyway.
`,
}

const KEY = /\[\[(.+?)\]\]/s

function unmark(marked: Record<string, string>): KeyedDocument[] {
  return Object.entries(marked).map(([kind, text]) => ({
    kind,
    text: text.replace(KEY, '$1').trim(),
    key: KEY.exec(text)![1]!,
  }))
}

export const DOCUMENTS: readonly KeyedDocument[] = unmark(MARKED)
export const SHORT_KEYED_DOCUMENTS: readonly KeyedDocument[] = unmark(MARKED_SHORT)
