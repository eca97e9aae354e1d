import { InvalidArgumentError, Option, type Command } from 'commander';
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
  rules
    .command('explain')
    .description('Tell which rule decides about an operation, and why. What is not told about it matches no condition.')
    .argument('<file>', 'rule file, in YAML or JSON')
    .option('--operation <name>', 'operation or notification class: SetValueKey, RegNtPostOpenKeyEx')
    .addOption(new Option('--phase <phase>', 'pre, which is the default, or post').choices(['pre', 'post']))
    .option('--key <path>', 'key that the operation is about')
    .option('--new-key <path>', 'of RenameKey: the path that the key is to have')
    .option('--low-key <path>', 'of SaveMergedKey: the key of lower precedence')
    .option('--value-name <name>', 'name of the value; "" is the default value')
    .option('--value-type <type>', 'type of the value that is set: REG_SZ')
    .option('--status <status>', 'how it ended, in post: STATUS_ACCESS_DENIED, 0xc0000022, success')
    .option('--image <path>', 'path of the program')
    .option('--pid <id>', 'id of the process', parseId)
    .option('--ancestor <id...>', 'ids of the processes that it descends from', parseIds)
    .option('--user <sid>', 'SID of whom the thread acts for')
    .option('--session <id>', 'Terminal Services session', parseId)
    .option('--elevated', 'the process runs elevated')
    .option('--no-elevated', 'it does not')
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

function parseId(text: string): number {
  const id = Number(text);
  if (!/^\d+$/.test(text) || id > 0xffff_ffff) throw new InvalidArgumentError('It must be a whole number.');
  return id;
}

function parseIds(text: string, previous: readonly number[] | undefined): number[] {
  return [...(previous ?? []), parseId(text)];
}
