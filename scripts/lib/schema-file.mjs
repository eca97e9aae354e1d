// What the generators of schema/*.json share.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';
import ts from 'typescript';

/** Imports a compiled module; `name` is below dist/. */
export async function importBuilt(name) {
  try {
    return await import(new URL(`../../dist/${name}`, import.meta.url));
  } catch (error) {
    console.error(`dist/ is missing or stale. Run: npm run build:ts\n${error.message}`);
    return process.exit(1);
  }
}

/** The comments of the interfaces that a TypeScript file declares or imports, and of their fields. */
export function readComments(typesPath) {
  const program = ts.createProgram([typesPath], { module: ts.ModuleKind.NodeNext, strict: true });
  const checker = program.getTypeChecker();
  const textOf = (symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).replaceAll('\n', ' ');
  const found = new Map();
  for (const file of program.getSourceFiles().filter(({ fileName }) => !fileName.includes('node_modules'))) {
    for (const declaration of file.statements.filter(ts.isInterfaceDeclaration)) {
      const symbol = checker.getSymbolAtLocation(declaration.name);
      const fields = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
      found.set(symbol.getName(), {
        text: textOf(symbol),
        fields: new Map(fields.map((field) => [field.getName(), textOf(field)])),
      });
    }
  }
  return found;
}

export function describe(text) {
  return text ? { description: text } : {};
}

/** Writes the schema, or with --check only says whether the file is what would be written. `generator` is the script's name. */
export async function writeSchema(fileUrl, schema, generator) {
  await writeGenerated(fileUrl, JSON.stringify(schema), generator);
}

/** The same for any generated file that prettier can format. */
export async function writeGenerated(fileUrl, text, generator) {
  const outputPath = fileURLToPath(fileUrl);
  const options = await prettier.resolveConfig(outputPath);
  const generated = await prettier.format(text, { ...options, filepath: outputPath });
  if (!process.argv.includes('--check')) {
    await mkdir(path.dirname(outputPath), { recursive: true });
    await writeFile(outputPath, generated);
    return;
  }
  const present = await readFile(outputPath, 'utf8').catch(() => '');
  if (present === generated) return;
  console.error(`${path.relative('.', outputPath)} is not up to date. Run: node scripts/${generator}`);
  process.exitCode = 1;
}
