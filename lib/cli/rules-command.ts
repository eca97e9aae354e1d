// The options and arguments of `cmbridge rules check` and `cmbridge rules explain`.

import type { Command } from 'commander';
import { addOperationFlags, parseId } from './operation-flags.js';
import { checkRuleFiles, type RulesCheckOptions } from './rules-check.js';
import { explainRuleFile, type ExplainEnvironment, type RulesExplainOptions } from './rules-explain.js';

const examples = `
Examples:
    $ cmbridge rules check rules.yaml
    $ cmbridge rules check --strict --json rules/*.yaml
    $ cmbridge rules explain rules.yaml --operation SetValueKey --key 'HKLM\\SOFTWARE\\X' --value-name Run
    $ cmbridge rules explain rules.yaml --operation OpenKey --key 'HKLM\\X' --status STATUS_ACCESS_DENIED --image reg.exe
    $ cmbridge watch --json | cmbridge rules explain rules.yaml --event -

A rule file is YAML or JSON:
    version: 1
    otherwise: ignore
    rules:
      - operations: [SetValueKey, DeleteValueKey]
        keys: 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\**'
        action: notify
docs/rules.md describes the language, cmbridge/rules.schema.json the format.`;

/** `run` starts one command with what it needs, and sets the exit status to what it gives. */
export function addRulesCommand(
  program: Command,
  run: (command: (environment: ExplainEnvironment) => Promise<number>) => Promise<void>,
): void {
  const rules = program
    .command('rules')
    .description('Check rule files, and explain which rule decides.')
    .addHelpText('after', examples)
    .exitOverride();
  rules
    .command('check')
    .description('Compile rule files, and tell what is wrong with them. Exit status 1 when there are errors.')
    .argument('<file...>', 'rule files, in YAML or JSON')
    .option('--strict', 'exit with 1 for warnings, too')
    .option('--json', 'print JSON')
    .option('--no-color', 'print without colour, as the variable NO_COLOR does')
    .addHelpText('after', examples)
    .exitOverride()
    .action((files: string[], options: RulesCheckOptions) =>
      run((environment) => checkRuleFiles(files, options, environment)),
    );
  const explain = rules
    .command('explain')
    .description('Tell which rule decides about an operation, and why. What is not told about it matches no condition.')
    .argument('<file>', 'rule file, in YAML or JSON');
  addOperationFlags(explain)
    .option('--control-set <n>', 'N of the ControlSet00N that CurrentControlSet is', parseId)
    .option(
      '--event <file>',
      'explain each event of a file that cmbridge watch --json has written; - is standard input',
    )
    .option('--all', 'show all the rules that do not match, not only the last 20')
    .option('--json', 'print one JSON object per line')
    .option('--no-color', 'print without colour, as the variable NO_COLOR does')
    .addHelpText('after', examples)
    .exitOverride()
    .action((file: string, options: RulesExplainOptions) =>
      run(async (environment) => {
        await explainRuleFile(file, options, environment);
        return 0;
      }),
    );
}
