// Run by Windows' node.exe, with the driver started: under Wine by scripts/test-wine.mjs, on a real Windows by hand or in CI.
import { conformance } from '../conformance/index.js';
import { windowsHost } from './host.js';

const actor = process.env['CMBRIDGE_REGACTOR'];
if (!actor) throw new Error('CMBRIDGE_REGACTOR must be the path of regactor.exe');
const native = process.env['CMBRIDGE_REGACTOR_NATIVE'] === '1';

conformance(windowsHost({ name: native ? 'Windows' : `Wine, Node ${process.version}`, actor, native }));
