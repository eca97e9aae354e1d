// Reads the table of driver/base/notify_class.c and writes what lib/ knows of it: the classes, and what can be decided about them.

const rowPattern = /ROW\(\s*(\d+),\s*(\d+),\s*(\w+),\s*\w+,\s*(\w+),\s*\w+,\s*(?:TRUE|FALSE),\s*(\w+)\)/g;
const cleanupPattern = /ROW\((\d+), (\w+), (\w+)\)/g;

/** The operations in the order of the table, each with its classes and the names in its NOTIFY_FITS(). */
export function parseOperations(text) {
  const operations = [];
  for (const [, pre, post, name, body, fits] of text.matchAll(rowPattern)) {
    const classes = [
      { number: Number(pre), name: `RegNtPre${name}`, phase: 'pre' },
      { number: Number(post), name: `RegNtPost${name}`, phase: 'post' },
    ];
    operations.push({ operation: name.replace(/Ex$/, ''), classes, body: bodyKind(body), fits: fitsOf(text, fits) });
  }
  for (const [, number, name, body] of text.matchAll(cleanupPattern)) {
    const classes = [{ number: Number(number), name: `RegNt${name}`, phase: 'cleanup' }];
    operations.push({ operation: name, classes, body: bodyKind(body), fits: new Set() });
  }
  const rows = text.match(/\bROW\(\s*\d/g)?.length;
  if (operations.length !== rows)
    throw new Error(`driver/base/notify_class.c: ${operations.length} of ${rows} rows can be read`);
  return operations;
}

/** NotifyBodySetValue is "setValue"; what is asked and set about security has the same fields. */
function bodyKind(body) {
  if (body === 'None') return 'plain';
  return /^(Query|Set)Security$/.test(body) ? 'security' : body[0].toLowerCase() + body.slice(1);
}

function fitsOf(text, name) {
  const define = new RegExp(`^#define FITS_${name} (.*)$`, 'm').exec(text)?.[1];
  if (define === undefined) throw new Error(`driver/base/notify_class.c: FITS_${name} is not defined on one line`);
  const own = [...define.matchAll(/\bNOTIFY_FITS\((\w+)\)/g)].map(([, bit]) => bit);
  const others = [...define.matchAll(/\bFITS_(\w+)/g)].flatMap(([, other]) => [...fitsOf(text, other)]);
  return new Set([...own, ...others]);
}

const head = '// Generated from driver/base/notify_class.c by scripts/generate-protocol.mjs. Do not edit.\n\n';

export function writeClasses(operations) {
  const rows = operations
    .flatMap(({ operation, body, classes }) => classes.map((entry) => ({ ...entry, operation, body })))
    .sort((a, b) => a.number - b.number)
    .map(
      ({ number, name, operation, phase, body }) =>
        `{ number: ${number}, name: '${name}', operation: '${operation}', phase: '${phase}', body: '${body}' },`,
    );
  return `${head}/** Every notification class that Windows delivers since Server 2003, with its number in REG_NOTIFY_CLASS. */
export const notifyClasses = [\n${rows.join('\n')}\n] as const;\n`;
}

/** What each name stands for, in the order in which the words are listed. */
const decisions = {
  pre: [
    ['ALLOW', 'allow'],
    ['BLOCK', 'block'],
    ['BYPASS', 'bypass'],
    ['EMULATE', 'emulate'],
    ['REPLACE', 'replace'],
    ['REDIRECT', 'redirect'],
  ],
  post: [
    ['ALLOW', 'allow'],
    ['REDIRECT', 'redirect'],
    ['OVERRIDE', 'override'],
  ],
};
const actions = {
  pre: [
    ['ALLOW', 'ask'],
    ['BLOCK', 'block'],
    ['BYPASS', 'bypass'],
  ],
  post: [['ALLOW', 'ask']],
};

export function writeDecisions(operations) {
  const words = (pairs, fits) =>
    pairs
      .filter(([bit]) => fits.has(bit))
      .map(([, word]) => `'${word}'`)
      .join(', ');
  const table = ({ pre, post }, asked) =>
    operations
      .map(({ operation, fits }) => {
        const wanted = asked && !fits.has('ALLOW') ? new Set() : fits;
        return `${operation}: { pre: [${words(pre, wanted)}], post: [${words(post, wanted)}] },`;
      })
      .join('\n');
  return `${head}/** The decisions that an operation takes in each phase; where there are none it is never asked about. */
export const decisionKinds = {\n${table(decisions, true)}\n} as const;

/** What a rule can do by itself. */
export const ruleActions = {\n${table(actions, false)}\n} as const;\n`;
}
