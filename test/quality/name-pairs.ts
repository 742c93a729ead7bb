const pairs = (text: string): [string, string][] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const [first, second] = line.split(' | ')
      return [first!.trim(), second!.trim()]
    })

/** Pairs of names of one thing. Written before the comparison of names was, together with `DIFFERENT`, and not changed since. */
export const SAME = pairs(`
  Alice | alice
  ALICE JOHNSON | Alice Johnson
  Zoë Kravitz | Zoe Kravitz
  José Álvarez | Jose Alvarez
  Müller | MÜLLER
  Beyoncé | Beyonce
  Søren Müller | Søren Muller
  Renée Zellweger | Renee Zellweger
  François Hollande | Francois Hollande
  Ángela Ruiz | Angela Ruiz
  Dr. Alice Smith | Alice Smith
  Dr Maria Lopez | Maria Lopez
  Mr. John Carter | John Carter
  Mrs. Ellen Page | Ellen Page
  Ms. Joan Baez | Joan Baez
  Prof. Ada Lovelace | Ada Lovelace
  Sir Isaac Newton | Isaac Newton
  Prof. Alan Turing | alan turing
  Dr. Chen Wei | Chen Wei
  Mr Peter Olsen | Mr. Peter Olsen
  J.R.R. Tolkien | J. R. R. Tolkien
  J. K. Rowling | J.K. Rowling
  C. S. Lewis | C.S. Lewis
  George R.R. Martin | George R. R. Martin
  Samuel L. Jackson | Samuel L Jackson
  W.E.B. Du Bois | W. E. B. Du Bois
  Martin Luther King Jr. | Martin Luther King Jr
  O'Brien | O’Brien
  Sinéad O'Connor | Sinead O’Connor
  Alice's | Alice
  Bob’s | Bob
  Ludwig van Beethoven | ludwig van beethoven
  Osama bin Laden | Osama Bin Laden
  Vincent van Gogh | Vincent Van Gogh
  Acme Inc. | Acme
  Acme, Inc. | Acme Inc
  Initech Ltd | Initech
  Initech Ltd. | INITECH
  Siemens AG | Siemens
  Bosch GmbH | Bosch
  Robert Bosch GmbH | Robert Bosch
  Globex Corp. | Globex
  Globex Corporation | Globex Corp
  Stark Industries LLC | Stark Industries
  Diageo plc | Diageo
  Hooli Co. | Hooli
  Apple Inc. | Apple
  Microsoft Corporation | Microsoft
  Google LLC | Google
  Nestlé SA | Nestle
  Wayne Enterprises, Inc. | Wayne Enterprises
  Umbrella Corporation | umbrella corporation
  Johnson & Johnson | Johnson and Johnson
  Procter & Gamble | Procter and Gamble
  Marks & Spencer | Marks and Spencer
  Barnes & Noble | Barnes and Noble
  Simon & Schuster, Inc. | Simon and Schuster
  AT&T | at&t
  AT&T Inc. | AT&T
  the New York Times | New York Times
  The Washington Post | Washington Post
  The World Bank | World Bank
  the AI conference | AI conference
  The Rolling Stones | Rolling Stones
  the billing service | billing service
  a green bike | green bike
  the European Central Bank | European Central Bank
  World Health Organization | WHO
  European Space Agency | ESA
  International Monetary Fund | IMF
  National Basketball Association | NBA
  Federal Bureau of Investigation | FBI
  Central Intelligence Agency | CIA
  European Central Bank | ECB
  World Trade Organization | WTO
  North Atlantic Treaty Organization | NATO
  International Business Machines | IBM
  Massachusetts Institute of Technology | MIT
  National Aeronautics and Space Administration | NASA
  British Broadcasting Corporation | BBC
  Directorate General of Internal Affairs | DGIA
  University of California Los Angeles | UCLA
  National Health Service | NHS
  Transmission Control Protocol | TCP
  Hypertext Markup Language | HTML
  Application Programming Interface | API
  Amazon Web Services | AWS
  Google Cloud Platform | GCP
  Organisation for Economic Co-operation and Development | OECD
  Food and Drug Administration | FDA
  Environmental Protection Agency | EPA
  the World Wildlife Fund | WWF
  Royal Air Force | RAF
  International Olympic Committee | IOC
  Chief Executive Officer | CEO
  Federal Aviation Administration | FAA
  International Labour Organization | I.L.O.
  Deutsche Bahn | DB
  N.A.T.O. | NATO
  U.S. | US
  U.S. | USA
  US | United States
  U.S.A. | United States of America
  the United States | the US
  United States | USA
  UK | United Kingdom
  U.K. | the United Kingdom
  UN | United Nations
  U.N. | the United Nations
  EU | European Union
  E.U. | EU
  the European Union | European Union
  UAE | United Arab Emirates
  U.A.E. | the UAE
  São Paulo | Sao Paulo
  Zürich | Zurich
  Málaga | MALAGA
  Reykjavík | Reykjavik
  Kraków | Krakow
  Düsseldorf | Dusseldorf
  Bogotá | Bogota
  Saint-Étienne | Saint-Etienne
  St. Petersburg | St Petersburg
  St. Louis | St Louis
  St. Mary's Hospital | St Mary’s Hospital
  Mt. Everest | Mt Everest
  Ft. Worth | Ft Worth
  Washington, D.C. | Washington DC
  Washington D.C. | Washington, DC
  Paris, France | Paris France
  New  York | New York
  Los Angeles | los angeles
  The Hague | the hague
  Cote d'Ivoire | Côte d’Ivoire
  Berlin. | Berlin
  "Berlin" | Berlin
  “Casablanca” | Casablanca
  (Lisbon) | Lisbon
  Tokyo, | Tokyo
  McDonald's | McDonald’s
  Levi's | Levi’s
  Macy's | MACY'S
  C++ | c++
  C# | c#
  F# | f#
  Node.js | node.js
  Vue.js | vue.js
  Next.js | NEXT.JS
  ASP.NET | asp.net
  .NET | .net
  PostgreSQL | postgresql
  POSTGRES | Postgres
  PostgreSQL 17 | postgresql 17
  TypeScript | Typescript
  GitHub | Github
  GraphQL | graphql
  iPhone 15 | iphone 15
  GPT-4 | gpt-4
  Python 3.12 | python 3.12
  v2.1.0 | V2.1.0
  memories.ts | Memories.ts
  src/memory/recall.ts | src/memory/recall.ts
  README.md | readme.md
  user_1 | USER_1
  customer-42 | Customer-42
  j.doe@x.org | J.Doe@x.org
  anna@example.com | anna@Example.com
  support+eu@acme.io | support+eu@ACME.io
  https://acme.io/docs | https://acme.io/docs
  @maria | @Maria
  #general | #General
  10.0.0.1 | 10.0.0.1
  ORDER-4711/A | order-4711/a
  PROJ-17 | proj-17
  snake_case_name | Snake_Case_Name
  ﬁnance | finance
  Ｔｏｋｙｏ | Tokyo
  Straße | straße
  東京 | 東京
  Москва | МОСКВА
  Αθήνα | ΑΘΗΝΑ
  Łódź | łódź
  İstanbul | Istanbul
  Jean‑Luc Picard | Jean-Luc Picard
  Coca–Cola | Coca-Cola
  Rolls-Royce | rolls-royce
  Jean-Luc Picard | Jean Luc Picard
  Coca-Cola | Coca Cola
  e-mail | email
  Node.js | NodeJS
  PostgreSQL | Postgres
  Kubernetes | k8s
  JavaScript | JS
  Robert Smith | Bob Smith
  William Gates | Bill Gates
  Catherine | Catherin
  Microsoft | Mircosoft
  Schwarzenegger | Schwarzeneger
  The Beatles | Beatles
  Saint Petersburg | St. Petersburg
  Mount Everest | Mt. Everest
  Department of Defense | DoD
  Munich | München
  Facebook | Meta
  New York City | NYC
  Cologne | Köln
  Bank of America | BofA
  Dwayne Johnson | The Rock
  Tesla Motors | Tesla
  Intel Corp | Intel Corporation
  Spotify AB | Spotify
  World Economic Forum | W.E.F.
  Alice  Johnson | Alice Johnson
`)

/** Pairs of names of two things. */
export const DIFFERENT = pairs(`
  C++ | C#
  C++ | C
  C# | C
  F# | F
  C | C2
  user_1 | user-1
  user_1 | User 1
  user-1 | user 1
  user_1 | user_2
  user_1 | user_10
  user_1 | user_11
  customer-42 | customer-24
  customer-42 | customer-421
  customer-42 | customer 42
  customer_42 | customer-42
  j.doe@x.org | j-doe@x.org
  j.doe@x.org | jdoe@x.org
  j.doe@x.org | j.doe@y.org
  j.doe@x.org | j.doe@x.com
  j_doe@x.org | j.doe@x.org
  j.doe@x.org | J Doe
  anna@example.com | anna@example.org
  anna@example.com | anna+work@example.com
  anna@example.com | hanna@example.com
  support@acme.io | sales@acme.io
  a.b@x.io | ab@x.io
  Dr Pepper | Pepper
  Dr. Pepper | Pepper
  Dr. Dre | Dre
  Mr. Bean | Bean
  Mr. Robot | Robot
  Mrs. Dalloway | Dalloway
  Miss Saigon | Saigon
  Sir Lancelot | Lancelot
  The Hague | Hague
  The Who | Who
  The Band | Band
  The Rock | Rock
  The Guardian | Guardian
  The Cloud | Cloud
  A Team | Team
  US | us-east-1
  US | UK
  US | U2
  US | USB
  US | USSR
  USA | UAE
  UN | EU
  UN | UNICEF
  United States | United Kingdom
  United Nations | United States
  United Arab Emirates | United Kingdom
  American Airlines | AA batteries
  World Health Organization | World Trade Organization
  World Health Organization | Who
  World Health Organization | WTO
  European Central Bank | ESA
  European Space Agency | ECB
  Information Technology | It
  National Basketball Association | NFL
  International Monetary Fund | FMI
  Federal Bureau of Investigation | BBI
  Amazon Web Services | AWSome
  Central Intelligence Agency | FBI
  Apple Inc. | Apple Records
  Apple | Apples
  Apple | Pineapple
  Amazon | Amazon River
  Amazon Web Services | Amazon
  Google | Google Cloud
  Google | Alphabet
  Google Cloud | Google Maps
  Microsoft | Microsoft Teams
  Microsoft Word | Microsoft Excel
  Meta | Metal
  Java | JavaScript
  Java | Javan
  Go | Golf
  Rust | Rusty
  Ruby | Rubi
  React | React Native
  React | Reaction
  Angular | AngularJS
  Vue 2 | Vue 3
  Vue.js | Next.js
  Node.js | Nest.js
  Next.js | Nuxt.js
  Next.js 13 | Next.js 14
  Python 2 | Python 3
  Python 3.1 | Python 3.10
  Python 3.11 | Python 3.12
  PostgreSQL 16 | PostgreSQL 17
  PostgreSQL | MySQL
  MySQL 5 | MySQL 8
  GPT-3 | GPT-4
  GPT-4 | GPT-4o
  GPT-4 | GPT-4.1
  GPT-4 | GPT-41
  Gemini 1 | Gemini 2
  Llama 2 | Llama 3
  iPhone 14 | iPhone 15
  iPhone 15 | iPhone 15 Pro
  iPhone | iPad
  Galaxy S22 | Galaxy S23
  PlayStation 4 | PlayStation 5
  Windows 10 | Windows 11
  Windows 95 | Windows 98
  v1.2.0 | v1.2.1
  v1.2 | v12
  v1.20 | v1.2.0
  v2.1.0 | 2.1.0-rc1
  1.0 | 10
  4.x branch | 5.x branch
  4.x | 4x
  IPv4 | IPv6
  HTTP/1.1 | HTTP/2
  TLS 1.2 | TLS 1.3
  USB 2.0 | USB 3.0
  USB-A | USB-C
  Wi-Fi 5 | Wi-Fi 6
  10.0.0.1 | 10.0.0.11
  10.0.0.1 | 100.0.1
  10.0.0.1 | 10.0.1.1
  192.168.1.1 | 192.168.11
  localhost:3000 | localhost:8080
  https://acme.io/docs | https://acme.io/blog
  https://acme.io/a/b | https://acme.io/a-b
  https://acme.io | https://acme.io/docs
  acme.io | acme.com
  acme.io | acme
  memories.ts | memories.js
  memories.ts | memory.ts
  memories.ts | memories
  src/a.ts | src/b.ts
  src/memory/recall.ts | src/memory-recall.ts
  src/index.ts | test/index.ts
  package.json | package-lock.json
  README.md | README.txt
  .env | env
  .env | .env.local
  .NET | NET
  ASP.NET | ASP
  @maria | maria
  #general | general
  #1 | 1
  #12 | #21
  ORDER-4711/A | ORDER-4711/B
  ORDER-4711 | ORDER-4712
  ORDER-4711 | ORDER 4711
  PROJ-1 | PROJ-11
  PROJ-17 | PROJ-71
  PR-12 | PR 12
  CVE-2021-44228 | CVE-2021-45046
  RFC 2616 | RFC 7230
  ISO 9001 | ISO 27001
  SKU_1001 | SKU_1002
  A-1 | A1
  node_1 | node-1
  feature/login | feature-login
  feature/login | feature/logout
  release-1.0 | release-10
  snake_case | snake-case
  foo.bar | foo_bar
  foo.bar | foo bar
  foo.bar | foobar
  foo+bar | foo bar
  user@host | user host
  main | maine
  Alice | Alicia
  Alice | Alison
  Alice Johnson | Alice Jones
  Alice Johnson | Alice Johnston
  Alice Johnson | Bob Johnson
  Alice Johnson | Johnson
  Bob | Rob
  Bob Smith | Bob Smyth
  Bob Smith | Rob Smith
  John Smith | Jon Smith
  John Smith | John A. Smith
  John Smith | John Smith Jr.
  John Smith | Jane Smith
  J. Smith | K. Smith
  J. Smith | John Smith
  George Bush | George W. Bush
  George H. W. Bush | George W. Bush
  Martin Luther | Martin Luther King
  Maria | Marie
  Maria | Mario
  Maria Lopez | Mario Lopez
  Maria Lopez | Maria Gomez
  Anna | Ana
  Anna | Hanna
  Anna Müller | Anna Miller
  Müller | Mueller AG Holding
  Eric | Erica
  Erik | Eric
  Sara | Sarah
  Daniel | Daniela
  Julia | Juliet
  Julian | Julia
  Christian | Christina
  Paul | Paula
  Carl | Carla
  Carol | Carole
  Kim | Jim
  Lee | Li
  Li Wei | Wei Li
  Chen Wei | Wei Chen
  Bill Gates | Bill Bates
  Gates | Gate
  Lincoln | Lincoln Park
  Washington | Washington D.C.
  Washington | George Washington
  Washington State | Washington D.C.
  Paris | Paris Hilton
  Paris | Parish
  Paris, France | Paris, Texas
  London | London, Ontario
  London | Londonderry
  Berlin | Bern
  Berlin | East Berlin
  Berlin | West Berlin
  Vienna | Vienna, Virginia
  Georgia | Georgian
  York | New York
  New York | New York Times
  New York | Newark
  New York Times | New York Post
  New Mexico | Mexico
  New England | England
  New Jersey | Jersey
  Los Angeles | Los Alamos
  Austria | Australia
  Iran | Iraq
  Niger | Nigeria
  Slovakia | Slovenia
  Sweden | Switzerland
  North Korea | South Korea
  Korea | North Korea
  Sudan | South Sudan
  Guinea | Papua New Guinea
  Guinea | Equatorial Guinea
  Congo | Republic of Congo
  Dominica | Dominican Republic
  Portland, Oregon | Portland, Maine
  Springfield | Springfield Armory
  St. Louis | Louis
  St. Mary's Hospital | Mary's Hospital
  St. Mary's Hospital | St. Mary's School
  St. John | St. Johns
  San Jose | San Juan
  San Francisco | Francisco
  Cambridge | Cambridge University
  Oxford University | Oxford University Press
  University of Washington | Washington University
  University of York | New York University
  University of California Berkeley | UCLA
  Penn State | University of Pennsylvania
  Bank of America | America
  Bank of England | Bank of Ireland
  Bank of England | England
  Deutsche Bank | Deutsche Bahn
  Deutsche Bank | Bank
  Royal Bank of Canada | Royal Bank of Scotland
  General Motors | General Electric
  General Electric | General Mills
  Air France | France
  Air Canada | Canada
  Delta | Delta Air Lines
  Sony Music | Sony Pictures
  Fox News | Fox Sports
  Sky News | Sky Sports
  Time | Times
  Acme North | Acme South
  Acme Labs | Acme
  Acme Holdings | Acme Labs
  Acme Inc. | Acne Inc.
  Globex | Globe
  Initech | Intech
  Initech | Initrode
  Team A | Team B
  Plan A | Plan B
  Group 1 | Group 2
  Room 101 | Room 110
  Building 7 | Building 17
  Apollo 11 | Apollo 13
  Boeing 737 | Boeing 747
  Formula 1 | Formula 2
  World War I | World War II
  Henry IV | Henry VI
  Louis XIV | Louis XVI
  Elizabeth I | Elizabeth II
  Area 51 | Area 52
  Route 66 | Route 6
  Euro 2020 | Euro 2024
  2019 | 2020
  May 2024 | May 2025
  billing service | billing server
  billing service | shipping service
  green tea | green team
  cat | cats and dogs
  東京 | 京都
  Москва | Москвич
`)
