// Starts `mlspec lsp` for specs, and starts it again when the setting that names the program changes.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;
let busy = Promise.resolve();

/** One thing after the other: a restart waits for the start before it. */
function inTurn(act) {
  busy = busy.then(act, act);
  return busy;
}

function options() {
  const command = vscode.workspace.getConfiguration("mlspec").get("path") || "mlspec";
  return { command, args: ["lsp"] };
}

async function start() {
  if (!vscode.workspace.isTrusted) {
    return;
  }
  const server = options();
  // The server itself asks for the files and the settings that it wants to be told of.
  client = new LanguageClient("mlspec", "mlspec", server, { documentSelector: [{ scheme: "file", language: "mlspec" }] });
  try {
    await client.start();
  } catch (error) {
    await stop();
    const said = `The language server of mlspec did not start: \`${server.command} lsp\`. ${error && error.message ? error.message : error}`;
    const chosen = await vscode.window.showErrorMessage(said, "Open Settings");
    if (chosen) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "mlspec.path");
    }
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running && running.needsStop()) {
    await running.stop();
  }
}

async function restart() {
  await stop();
  await start();
}

function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("mlspec.restart", () => inTurn(restart)),
    vscode.workspace.onDidGrantWorkspaceTrust(() => inTurn(restart)),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("mlspec.path")) {
        inTurn(restart);
      }
    })
  );
  return inTurn(start);
}

function deactivate() {
  return inTurn(stop);
}

module.exports = { activate, deactivate };
