export type Triple = readonly [subject: string, predicate: string, object: string]

export interface GoldSentence {
  text: string
  /** The people that "I" and "my" refer to. */
  speaker?: string
  triples: readonly Triple[]
}

/**
 * Sentences as agents remember them, with the facts that a careful reader would write down. Written before the extractor
 * first ran and not changed since, but by the author of its rules and with the same wording of predicates: they detect
 * regressions, and do not measure the quality on other texts.
 */
export const TRIPLES_GOLD: readonly GoldSentence[] = [
  {
    text: 'Priya works at Northwind as a data analyst.',
    triples: [
      ['Priya', 'works at', 'Northwind'],
      ['Priya', 'works as', 'data analyst'],
    ],
  },
  {
    text: 'Tomás moved from Lisbon to Toronto in 2019.',
    triples: [
      ['Tomás', 'moved from', 'Lisbon'],
      ['Tomás', 'moved to', 'Toronto'],
      ['Tomás', 'moved in', '2019'],
    ],
  },
  {
    text: 'My sister Ingrid lives in Oslo.',
    speaker: 'Dana',
    triples: [
      ['Dana', 'has sister', 'Ingrid'],
      ['Ingrid', 'lives in', 'Oslo'],
    ],
  },
  {
    text: 'I prefer green tea over coffee.',
    speaker: 'Dana',
    triples: [
      ['Dana', 'prefer', 'green tea'],
      ['Dana', 'prefer over', 'coffee'],
    ],
  },
  { text: 'Marcus is allergic to peanuts.', triples: [['Marcus', 'is allergic to', 'peanuts']] },
  {
    text: 'Helen, the founder of Brightleaf, hired Omar last spring.',
    triples: [
      ['Helen', 'is founder of', 'Brightleaf'],
      ['Helen', 'hired', 'Omar'],
    ],
  },
  {
    text: 'The billing service depends on Redis and PostgreSQL.',
    triples: [
      ['billing service', 'depends on', 'Redis'],
      ['billing service', 'depends on', 'PostgreSQL'],
    ],
  },
  { text: "Yuki's manager is Fernando.", triples: [['Yuki', 'has manager', 'Fernando']] },
  {
    text: 'Carlos and Mina adopted a puppy named Biscuit.',
    triples: [
      ['Carlos', 'adopted', 'puppy'],
      ['Mina', 'adopted', 'puppy'],
      ['puppy', 'named', 'Biscuit'],
    ],
  },
  {
    text: 'The launch of Aurora was postponed to October because the vendor missed the deadline.',
    triples: [
      ['launch of Aurora', 'was postponed to', 'October'],
      ['vendor', 'missed', 'deadline'],
    ],
  },
  {
    text: 'Sofia is married to Henrik, who teaches physics at Uppsala University.',
    triples: [
      ['Sofia', 'is married to', 'Henrik'],
      ['Henrik', 'teaches', 'physics'],
      ['Henrik', 'teaches at', 'Uppsala University'],
    ],
  },
  {
    text: 'Acme was founded by Rachel Green in Denver.',
    triples: [
      ['Acme', 'was founded by', 'Rachel Green'],
      ['Acme', 'was founded in', 'Denver'],
    ],
  },
  { text: 'Ben does not eat meat.', triples: [['Ben', 'does not eat', 'meat']] },
  {
    text: 'Leila wants to visit Kyoto and Osaka next year.',
    triples: [
      ['Leila', 'wants to visit', 'Kyoto'],
      ['Leila', 'wants to visit', 'Osaka'],
    ],
  },
  {
    text: 'Victor plays the cello in a small orchestra in Vienna.',
    triples: [
      ['Victor', 'plays', 'cello'],
      ['Victor', 'plays in', 'small orchestra'],
      ['small orchestra', 'in', 'Vienna'],
    ],
  },
  {
    text: 'Nadia asked Paul to review the quarterly report.',
    triples: [
      ['Nadia', 'asked', 'Paul'],
      ['Paul', 'to review', 'quarterly report'],
    ],
  },
  {
    text: 'The customer said that the mobile app crashes on Android.',
    triples: [['mobile app', 'crashes on', 'Android']],
  },
  {
    text: 'Grace bought a bicycle and sold her car.',
    triples: [
      ['Grace', 'bought', 'bicycle'],
      ['Grace', 'sold', 'car'],
    ],
  },
  {
    text: 'Dmitri studied mathematics at Oxford before he joined Lumen Labs.',
    triples: [
      ['Dmitri', 'studied', 'mathematics'],
      ['Dmitri', 'studied at', 'Oxford'],
      ['Dmitri', 'joined', 'Lumen Labs'],
    ],
  },
  { text: 'The Berlin office is managed by Anke Vogel.', triples: [['Berlin office', 'is managed by', 'Anke Vogel']] },
  {
    text: 'My favorite restaurant is Casa Verde.',
    speaker: 'Dana',
    triples: [['Dana', 'has favorite restaurant', 'Casa Verde']],
  },
  {
    text: 'I work with Stefan on the search project.',
    speaker: 'Dana',
    triples: [
      ['Dana', 'work with', 'Stefan'],
      ['Dana', 'work on', 'search project'],
    ],
  },
  {
    text: 'Zoe is a pediatric nurse at Mercy Hospital.',
    triples: [
      ['Zoe', 'is a', 'pediatric nurse'],
      ['Zoe', 'is pediatric nurse at', 'Mercy Hospital'],
    ],
  },
  { text: 'Falcon replaces the old invoicing tool.', triples: [['Falcon', 'replaces', 'old invoicing tool']] },
  {
    text: 'Aisha met Jonas at a workshop in Nairobi, and Jonas introduced her to Wanjiru.',
    triples: [
      ['Aisha', 'met', 'Jonas'],
      ['Aisha', 'met at', 'workshop'],
      ['workshop', 'in', 'Nairobi'],
      ['Jonas', 'introduced', 'Aisha'],
      ['Jonas', 'introduced to', 'Wanjiru'],
    ],
  },
  {
    text: 'Orion CTO Malik Hassan announced a partnership with Globex.',
    triples: [
      ['Malik Hassan', 'is CTO of', 'Orion'],
      ['Malik Hassan', 'announced', 'partnership'],
      ['partnership', 'with', 'Globex'],
    ],
  },
  {
    text: 'The migration script deletes old records every Sunday.',
    triples: [['migration script', 'deletes', 'old records']],
  },
  { text: 'Emma thinks Lukas likes jazz.', triples: [['Lukas', 'likes', 'jazz']] },
  {
    text: 'Kofi sent the contract to Maria on Monday.',
    triples: [
      ['Kofi', 'sent', 'contract'],
      ['Kofi', 'sent to', 'Maria'],
      ['Kofi', 'sent on', 'Monday'],
    ],
  },
  {
    text: 'The conference takes place in Amsterdam from May 3 to May 5.',
    triples: [
      ['conference', 'takes place in', 'Amsterdam'],
      ['conference', 'takes place from', 'May 3'],
      ['conference', 'takes place to', 'May 5'],
    ],
  },
  {
    text: "Irene's daughter Chloe goes to Lincoln High School.",
    triples: [
      ['Irene', 'has daughter', 'Chloe'],
      ['Chloe', 'goes to', 'Lincoln High School'],
    ],
  },
  {
    text: 'After the merger, Pedro left Initech and started a consulting firm in Madrid.',
    triples: [
      ['Pedro', 'left', 'Initech'],
      ['Pedro', 'left after', 'merger'],
      ['Pedro', 'started', 'consulting firm'],
      ['consulting firm', 'in', 'Madrid'],
    ],
  },
  { text: 'Lin reports to Abigail.', triples: [['Lin', 'reports to', 'Abigail']] },
  {
    text: "Hugo's phone number changed, but his email address is the same.",
    triples: [['Hugo', 'has', 'phone number']],
  },
  {
    text: 'The headphones that Sam ordered arrived from Japan.',
    triples: [
      ['Sam', 'ordered', 'headphones'],
      ['headphones', 'arrived from', 'Japan'],
    ],
  },
  {
    text: 'Elena is the head of marketing at Vertex.',
    triples: [
      ['Elena', 'is', 'head of marketing'],
      ['Elena', 'is head of marketing at', 'Vertex'],
    ],
  },
  {
    text: 'Noah and Ruth are planning a trip to Iceland.',
    triples: [
      ['Noah', 'are planning', 'trip'],
      ['Ruth', 'are planning', 'trip'],
      ['trip', 'to', 'Iceland'],
    ],
  },
  { text: 'There is a bug in the payment module.', triples: [['bug', 'is in', 'payment module']] },
  {
    text: 'Kai uses Vim, while Petra prefers Emacs.',
    triples: [
      ['Kai', 'uses', 'Vim'],
      ['Petra', 'prefers', 'Emacs'],
    ],
  },
  {
    text: 'Dr. Alvarez prescribed ibuprofen for the knee pain.',
    triples: [
      ['Dr. Alvarez', 'prescribed', 'ibuprofen'],
      ['Dr. Alvarez', 'prescribed for', 'knee pain'],
    ],
  },
  {
    text: 'The team uses Slack for chat, Linear for tickets and Figma for design.',
    triples: [
      ['team', 'uses', 'Slack'],
      ['team', 'uses', 'Linear'],
      ['team', 'uses', 'Figma'],
      ['Slack', 'for', 'chat'],
      ['Linear', 'for', 'tickets'],
      ['Figma', 'for', 'design'],
    ],
  },
  {
    text: 'Our landlord, Mr. Patel, raised the rent in January.',
    triples: [
      ['Mr. Patel', 'is', 'landlord'],
      ['Mr. Patel', 'raised', 'rent'],
      ['Mr. Patel', 'raised in', 'January'],
    ],
  },
  {
    text: 'Clara grew up in Bogotá and now lives in Barcelona with her husband Iker.',
    triples: [
      ['Clara', 'grew up in', 'Bogotá'],
      ['Clara', 'lives in', 'Barcelona'],
      ['Clara', 'lives with', 'Iker'],
      ['Clara', 'has husband', 'Iker'],
    ],
  },
  {
    text: 'Project Heron is blocked by a missing license.',
    triples: [['Project Heron', 'is blocked by', 'missing license']],
  },
  {
    text: 'Theo gave Nina a silver necklace for her birthday.',
    triples: [
      ['Theo', 'gave', 'silver necklace'],
      ['Theo', 'gave', 'Nina'],
      ['Theo', 'gave for', 'birthday'],
    ],
  },
  {
    text: 'Samsung unveiled the Galaxy Ring in Paris.',
    triples: [
      ['Samsung', 'unveiled', 'Galaxy Ring'],
      ['Samsung', 'unveiled in', 'Paris'],
    ],
  },
  {
    text: 'I have been learning Portuguese since March.',
    speaker: 'Dana',
    triples: [
      ['Dana', 'have been learning', 'Portuguese'],
      ['Dana', 'have been learning since', 'March'],
    ],
  },
  {
    text: 'The startup, based in Tallinn, raised two million euros from Horizon Capital.',
    triples: [
      ['startup', 'based in', 'Tallinn'],
      ['startup', 'raised', 'two million euros'],
      ['startup', 'raised from', 'Horizon Capital'],
    ],
  },
  {
    text: 'Because Olga speaks Polish, she handles the customers in Warsaw.',
    triples: [
      ['Olga', 'speaks', 'Polish'],
      ['Olga', 'handles', 'customers'],
      ['customers', 'in', 'Warsaw'],
    ],
  },
  {
    text: 'Ravi told Mary that the server in Frankfurt runs out of memory.',
    triples: [
      ['Ravi', 'told', 'Mary'],
      ['server', 'in', 'Frankfurt'],
      ['server', 'runs out of', 'memory'],
    ],
  },
]
