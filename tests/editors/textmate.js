// Prints the scopes of every token of the files on standard input's list, as VS Code would find them. NODE_PATH leads to the packages.
const fs = require("fs");
const path = require("path");
const { Registry, INITIAL, parseRawGrammar } = require("vscode-textmate");
const oniguruma = require("vscode-oniguruma");

async function main(grammarPath, files) {
  const wasm = fs.readFileSync(path.join(path.dirname(require.resolve("vscode-oniguruma")), "onig.wasm"));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async (scope) => (scope === "source.mlspec" ? parseRawGrammar(fs.readFileSync(grammarPath, "utf8"), grammarPath) : null),
  });
  const grammar = await registry.loadGrammar("source.mlspec");
  const found = {};
  for (const file of files) {
    let stack = INITIAL;
    found[file] = fs.readFileSync(file, "utf8").split("\n").map((line) => {
      const done = grammar.tokenizeLine(line, stack);
      stack = done.ruleStack;
      return done.tokens.map((token) => [token.startIndex, Math.min(token.endIndex, line.length), token.scopes]);
    });
  }
  process.stdout.write(JSON.stringify(found));
}

main(process.argv[2], JSON.parse(fs.readFileSync(0, "utf8")));
