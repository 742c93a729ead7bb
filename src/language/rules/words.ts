const words = (list: string) => new Set(list.split(/\s+/).filter(Boolean))

/** Jobs, titles and relationships between people: "Acme CEO Bob", "my wife Carol". */
export const ROLES = words(`
  ceo cto cfo coo cmo cio vp founder co-founder cofounder owner president chair chairman chairwoman chairperson director
  manager head chief leader lead boss supervisor engineer developer programmer designer architect analyst scientist
  researcher professor teacher lecturer student intern assistant secretary consultant lawyer attorney judge doctor nurse
  dentist therapist surgeon accountant editor writer author journalist reporter artist singer actor actress musician
  drummer guitarist pianist chef cook driver pilot farmer mechanic plumber electrician minister senator governor mayor
  ambassador spokesman spokeswoman spokesperson coach trainer player captain member employee colleague coworker teammate
  partner client customer neighbor neighbour landlord tenant friend roommate wife husband spouse fiancé fiancée girlfriend
  boyfriend mother father mom dad mum parent son daughter child brother sister sibling twin uncle aunt cousin nephew niece
  grandmother grandfather grandma grandpa mentor advisor adviser investor maintainer contributor tester recruiter
`)

export const ORGANIZATION_CUES = words(`
  inc inc. corp corp. corporation company co. ltd ltd. llc gmbh ag plc group holdings university college institute school
  academy hospital clinic ministry department agency bank foundation association committee council commission court
  party union labs laboratories studios systems technologies software solutions partners ventures capital airlines
  church museum library team club times post
`)

export const PLACE_CUES = words(`
  city town village river lake mountain mount island islands airport station street avenue road square park bay beach
  valley county province district region state coast ocean sea desert bridge
`)

/** Last words of names of things. */
export const THING_CUES = words(`
  linux os sql db api sdk js ai app conference summit festival award prize project program cup league act agreement
  report day week week-end museum-pass edition phone watch ring model protocol language framework
`)

export const TEMPORAL = words(`
  monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september
  october november december day days week weeks weekend month months year years decade decades century spring summer
  autumn fall winter morning mornings afternoon evening evenings night nights today tomorrow yesterday tonight noon
  midnight hour hours minute minutes second seconds quarter time times moment am pm o'clock
`)

/** Verbs whose object is a statement: "Emma thinks Lukas likes jazz" does not say "Emma thinks Lukas". */
export const STATING = words(`
  say says said saying think thinks thought believe believes believed know knows knew hope hopes hoped claim claims
  claimed feel feels felt mean means meant report reports reported suggest suggests suggested guess suppose heard hear
  hears mention mentions mentioned notice noticed realize realized assume assumes assumed
`)

/** Verbs whose object is the subject of the following verb: "asked Paul to review". */
export const DIRECTING = words(`
  ask asks asked asking tell tells told telling want wants wanted help helps helped invite invites invited convince
  convinces convinced persuade persuaded force forces forced allow allows allowed advise advises advised encourage
  encourages encouraged remind reminds reminded teach teaches taught order orders ordered require requires required
  enable enables enabled let lets make makes made expect expects expected urge urged instruct instructed permit permits
`)

export const BE = words(`be is are was were been being am 's 're 'm`)

/** Verbs after which an adjective completes the predicate. */
export const LINKING = words(
  `become becomes became seem seems seemed feel feels felt remain remains remained look looks looked get gets got stay stays stayed`,
)

export const PARTICLES = words('up down out off away back along forward')

export const HUMAN_VERBS = words(`
  met meets likes liked loves loved hates hated prefers preferred enjoys enjoyed works worked lives lived says said told
  tells asked asks thinks thought believes wants wanted bought buys married moved studied teaches taught visited visits
  speaks spoke plays played wrote writes knows knew joined hired eats ate drinks drank grew learned wrote called thanked
  introduced gave sent recommended suggested complained cooked drove arrived reports
`)

/** Attributes and states that only people have: "Yuki's manager", "Eve is married". */
export const HUMAN_OWNED = words(`
  manager boss wife husband mother father mom dad son daughter brother sister friend girlfriend boyfriend aunt uncle
  cousin birthday phone email hobby favorite favourite laptop family parents kids children
`)
export const HUMAN_STATES = words('married allergic divorced engaged born vegetarian vegan pregnant retired')

export const EMPLOYING = words(
  'works worked working work joined joins join interned interns employed consults consulted',
)

/** Nouns that are not entities by themselves. */
export const EMPTY = words('same thing things lot lots bit one ones other others kind sort way something anything')

export const MALE = words('he him his')
export const FEMALE = words('she her hers')
export const SPEAKER = words('i me my mine myself')
export const POSSESSIVES = words(`my your his her its our their`)
