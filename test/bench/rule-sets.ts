import type { Rule } from '../../lib/rules/rule.js';

/**
 * So many rules of which none wants what the benchmarks do: of ten, eight name one key, one has a `*` in a component, one a `**`.
 */
export function rulesWithoutMatch(count: number): Rule[] {
  return Array.from({ length: count }, (_, index): Rule => ({ keys: pattern(index), action: 'notify' }));
}

function pattern(index: number): string {
  switch (index % 10) {
    case 8:
      return `HKLM\\SOFTWARE\\Vendor ${index}*\\Settings`;
    case 9:
      return `HKLM\\SOFTWARE\\Vendor ${index}\\**`;
    default:
      return `HKLM\\SOFTWARE\\Vendor ${index}\\Product\\Settings`;
  }
}
