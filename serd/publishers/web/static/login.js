// Asks for the password, and opens the page.

import { text, translate } from "./texts.js";

const WRONG = "the password is wrong"; // other refusals, such as of a proxy that serd does not know, say why
translate(document);
document.getElementById("log-in").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const field = document.getElementById("password");
  const result = document.getElementById("result");
  result.textContent = "";
  try {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ password: field.value });
    const response = await fetch("api/v1/login", { method: "POST", headers, body });
    if (response.ok) return location.reload();
    result.textContent = refusal(response.status, (await response.json()).error);
  } catch {
    result.textContent = text("no_answer");
  }
  field.select();
});

function refusal(status, reason) {
  if (status === 429) return text("too_many");
  return reason === WRONG ? text("wrong_password") : text("not_logged_in", { reason });
}
