// Runs the extension with stand-ins for VS Code and its language client, and prints what it did. Arguments: the folder, what happens.
const Module = require("module");
const path = require("path");
const [folder, script] = process.argv.slice(2);
const done = [];
const handlers = {};
const settings = { path: "mlspec" };
const state = { trusted: true, fails: false };

class LanguageClient {
  constructor(id, name, server, client) {
    Object.assign(this, { server, client, running: false });
  }
  async start() {
    if (state.fails) {
      throw new Error("spawn ENOENT");
    }
    this.running = true;
    done.push(["start", this.server.command, ...this.server.args, ...(this.server.transport === undefined ? [] : ["transport"])]);
  }
  needsStop() {
    return this.running;
  }
  async stop() {
    this.running = false;
    done.push(["stop"]);
  }
}

const vscode = {
  workspace: {
    get isTrusted() {
      return state.trusted;
    },
    getConfiguration: () => ({ get: (name) => settings[name] }),
    onDidGrantWorkspaceTrust: (act) => (handlers.trust = act),
    onDidChangeConfiguration: (act) => (handlers.settings = act),
  },
  window: { showErrorMessage: async (said) => void done.push(["error", said]) },
  commands: { registerCommand: (name, act) => (handlers[name] = act), executeCommand: async () => {} },
};
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : name === "vscode-languageclient/node" ? { LanguageClient } : load(name, ...rest));

const acts = {
  untrusted: () => (state.trusted = false),
  trust: () => ((state.trusted = true), handlers.trust()),
  broken: () => (state.fails = true),
  activate: () => extension.activate({ subscriptions: [] }),
  restart: () => handlers["mlspec.restart"](),
  setting: () => ((settings.path = "/opt/mlspec"), handlers.settings({ affectsConfiguration: (name) => name === "mlspec.path" })),
  other: () => handlers.settings({ affectsConfiguration: () => false }),
  deactivate: () => extension.deactivate(),
};
const extension = require(path.join(folder, "extension.js"));

(async () => {
  for (const act of script.split(" ")) {
    await acts[act]();
  }
  await extension.deactivate();
  process.stdout.write(JSON.stringify(done));
})();
