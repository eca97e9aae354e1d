// The stack that functions need, from the assembly text that clang writes for x64 Windows: frames by the directives of the unwind
// data, which a debugger and the exception dispatcher believe too, and calls by their instructions.

const RETURN_ADDRESS = 8;

/** A file's functions: name, whether it is the file's own, bytes of its frame with the return address, and its calls. */
export function readAssembly(text, file) {
  const functions = new Map();
  let current = null;
  let declared = null;
  const begin = (name) => {
    current = {
      name,
      file,
      local: declared?.name === name && declared.local,
      frame: RETURN_ADDRESS,
      calls: [],
      pointers: new Map(),
      table: false,
      grows: false,
    };
    functions.set(name, current);
  };
  for (const line of text.split('\n')) {
    const code = line.replace(/\s+#.*$/, '').trim();
    let match;
    if ((match = /^\.def\s+"?([^";]+)"?;/.exec(code))) declared = { name: match[1], local: false, code: false };
    else if (declared && (match = /^\.scl\s+(\d+);/.exec(code))) declared.local = match[1] === '3';
    else if (declared && (match = /^\.type\s+(\d+);/.exec(code))) declared.code = match[1] === '32';
    else if ((match = /^"?([^"\s]+?)"?:$/.exec(code)) && declared?.code && declared.name === match[1]) begin(match[1]);
    else if (/^\.section\s+\.rdata|^\.data/.test(code)) current = null;
    else if (current) readInstruction(current, code);
  }
  return functions;
}

function readInstruction(current, code) {
  let match;
  if (/^\.seh_pushreg\s/.test(code)) current.frame += 8;
  else if ((match = /^\.seh_stackalloc\s+(\d+)/.exec(code))) current.frame += Number(match[1]);
  else if (/^subq\s+%\w+,\s*%rsp/.test(code)) current.grows = true;
  else if (/\.LJTI/.test(code)) current.table = true;
  else if ((match = /^movq\s+__imp_(\w+)\(%rip\),\s*(%\w+)/.exec(code))) {
    // An import that is called several times is read once.
    const names = current.pointers.get(match[2]) ?? new Set();
    current.pointers.set(match[2], names.add(match[1]));
  } else if ((match = /^(callq|(?:rex64 )?jmpq?)\s+(\S+)/.exec(code))) {
    const [, instruction, operand] = match;
    const tail = instruction !== 'callq';
    if ((match = /^\*__imp_(\w+)\(%rip\)$/.exec(operand))) current.calls.push({ target: match[1], tail });
    else if (operand.startsWith('*')) current.calls.push({ pointer: operand.slice(1), tail });
    else if (!operand.startsWith('.L')) current.calls.push({ target: operand.replaceAll('"', ''), tail });
  }
}

/**
 * One graph of the functions of all files. `pointers` says what calls through pointers may reach: `from` and `to` are patterns of
 * "file:function". Returns the functions and a sentence for each call that cannot be followed.
 */
export function linkFunctions(files, pointers) {
  const problems = [];
  const functions = new Map();
  const all = files.flatMap((file) => [...file.values()]);
  const key = (fn) => (fn.local ? `${fn.file}:${fn.name}` : fn.name);
  for (const fn of all) functions.set(key(fn), { ...fn, key: key(fn), calls: [] });
  const find = (fn, name) => functions.get(`${fn.file}:${name}`) ?? functions.get(name);
  const fullName = (fn) => `${fn.file}:${fn.name}`;
  for (const fn of all) {
    const { calls } = functions.get(key(fn));
    if (fn.grows) problems.push(`${fn.name} takes an amount of stack that is known only when it runs`);
    for (const call of fn.calls) {
      if (call.target) {
        const to = find(fn, call.target);
        calls.push({ to, name: call.target, tail: call.tail });
        continue;
      }
      const imports = fn.pointers.get(call.pointer);
      // A jump by a table stays in its function.
      if (call.tail && fn.table && call.pointer.startsWith('%')) continue;
      if (imports) {
        for (const name of imports) calls.push({ name, tail: call.tail });
        continue;
      }
      const known = pointers.find(({ from }) => from.test(fullName(fn)));
      if (known && known.to === null) continue;
      const targets = [...functions.values()].filter((target) => known?.to.test(fullName(target)));
      if (targets.length === 0) problems.push(`${fn.name} calls through a pointer, and nothing says what that reaches`);
      for (const to of targets) calls.push({ to, name: to.name, tail: call.tail });
    }
  }
  return { functions: [...functions.values()], problems };
}

/** The worst chain from a function on: its bytes, the functions on it, and the deepest point at which each import is called. */
export function measureChains({ functions, problems }) {
  const done = new Map();
  const open = [];
  const visit = (fn) => {
    const known = done.get(fn);
    if (known) return known;
    if (open.includes(fn)) {
      const cycle = [...open.slice(open.indexOf(fn)), fn].map((step) => step.name).join(' > ');
      problems.push(`recursion: ${cycle}`);
      return { bytes: 0, path: [], imports: new Map() };
    }
    open.push(fn);
    const result = { bytes: fn.frame, path: [fn], imports: new Map() };
    for (const { to, name, tail } of fn.calls) {
      // A tail call gives its frame back before it jumps, all but the return address, which the callee's frame has.
      const own = tail ? 0 : fn.frame;
      if (!to) {
        if ((result.imports.get(name)?.bytes ?? -1) < own) result.imports.set(name, { bytes: own, path: [fn] });
        continue;
      }
      const below = visit(to);
      if (own + below.bytes > result.bytes)
        Object.assign(result, { bytes: own + below.bytes, path: [fn, ...below.path] });
      for (const [imported, place] of below.imports) {
        const bytes = own + place.bytes;
        if ((result.imports.get(imported)?.bytes ?? -1) < bytes)
          result.imports.set(imported, { bytes, path: [fn, ...place.path] });
      }
    }
    open.pop();
    done.set(fn, result);
    return result;
  };
  for (const fn of functions) visit(fn);
  return done;
}

/** What nobody of the functions calls: the kernel does. */
export function entriesOf(functions) {
  const called = new Set(functions.flatMap((fn) => fn.calls.map((call) => call.to)));
  return functions.filter((fn) => !called.has(fn));
}

export const describePath = (path) => path.map((fn) => `${fn.name} ${fn.frame}`).join(' > ');
