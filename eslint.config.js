import tseslint from 'typescript-eslint';

/** What takes the name of a test and a function: it() and test(), and those of the tests that call it(). */
const testCall = 'CallExpression[callee.name=/^(it|test|scenario|exempt|filter|keeping|protect|with[A-Z].*)$/]';
const noSubject = 'of|that|and|but|with|without';
const message = 'A list of failures shows the name of a test alone: make it a sentence that begins with its subject.';

export default tseslint.config(
  { ignores: ['build/', 'dist/', 'node_modules/', 'prebuilds/', 'test/package/consumer/'] },
  {
    files: ['lib/**/*.ts', 'test/**/*.ts', 'examples/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers and bigints read well in messages; objects and null stay forbidden.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Options are checked at run time for callers that have no types.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // `import { type A } from` is kept as an import at run time, which the check of circles does not see.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  { files: ['scripts/**/*.mjs', '*.js'], extends: [tseslint.configs.recommended] },
  {
    files: ['test/**/*.ts'],
    rules: {
      // `(event) => void events.push(event)` is the shortest callback that returns nothing.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // describe(), it() and test() of node:test return promises that the runner itself awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['describe', 'it', 'test', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      // This refuses what cannot be a subject; a name that begins with its verb is for the reader to see.
      'no-restricted-syntax': [
        'error',
        { selector: `${testCall} > Literal[value=/^(${noSubject}) |^(\\S+ ){0,2}\\S+$/]`, message },
        {
          selector: `${testCall} > TemplateLiteral > TemplateElement:first-child[value.raw=/^(${noSubject}) /]`,
          message,
        },
      ],
    },
  },
);
