"use strict";
// Shows every call of /openapi.json with a form to try it. Text is only ever set as text, never as markup.

function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function field(parent, label, value) {
  const input = element("input", undefined, element("label", label + " ", parent));
  input.value = value;
  return input;
}

// A smallest value of a schema, to start from.
function example(schema, root, depth) {
  if (schema.$ref) return example(root.components.schemas[schema.$ref.split("/").pop()], root, depth);
  if (schema.example !== undefined) return schema.example;
  if (schema.anyOf) return example(schema.anyOf[0], root, depth);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object") {
    const made = {};
    for (const name of schema.required || []) made[name] = example((schema.properties || {})[name] || {}, root, depth + 1);
    return made;
  }
  if (type === "array") return [];
  if (type === "number" || type === "integer") return schema.minimum || 0;
  if (type === "boolean") return false;
  return schema.format === "date" ? "2025-01-01" : "text";
}

async function send(method, template, inputs, body, output) {
  let path = template;
  const query = new URLSearchParams();
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") path = path.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
    else if (input.value !== "") query.set(parameter.name, input.value);
  }
  const headers = {};
  const key = document.getElementById("key").value;
  if (key) headers.authorization = "Bearer " + key;
  if (body) headers["content-type"] = "application/json";
  const url = path + (query.size ? "?" + query : "");
  const start = performance.now();
  try {
    const reply = await fetch(url, { method, headers, body: body ? body.value : undefined });
    let text = await reply.text();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it came */ }
    const took = (performance.now() - start).toFixed(1);
    output.textContent = reply.status + " in " + took + " ms\n" + [...reply.headers].map(h => h.join(": ")).join("\n") + "\n\n" + text;
  } catch (error) {
    output.textContent = String(error);
  }
}

function call(method, path, operation, root, parent) {
  const box = element("details", undefined, parent);
  const summary = element("summary", undefined, box);
  element("code", method.toUpperCase() + " " + path, summary);
  summary.append("  " + operation.summary);
  const inputs = (operation.parameters || []).map(parameter =>
    [parameter, field(box, parameter.name + (parameter.description ? " (" + parameter.description + ")" : ""), "")]);
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  let body = null;
  if (content) {
    body = element("textarea", undefined, box);
    body.value = JSON.stringify(example(content.schema, root, 0), null, 2);
  }
  const button = element("button", "Send", box);
  const output = element("pre", "", box);
  button.addEventListener("click", () => send(method.toUpperCase(), path, inputs, body, output));
}

async function start() {
  const root = await (await fetch("/openapi.json")).json();
  document.getElementById("description").textContent = root.info.description;
  const calls = document.getElementById("calls");
  calls.textContent = "";
  for (const tag of root.tags) {
    element("h2", tag.name, calls);
    for (const [path, methods] of Object.entries(root.paths))
      for (const [method, operation] of Object.entries(methods))
        if (operation.tags.includes(tag.name)) call(method, path, operation, root, calls);
  }
}

start();
