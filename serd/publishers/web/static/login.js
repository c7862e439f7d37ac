// Asks for the password, and opens the page.

import { text, translate } from "./texts.js";

const REASONS = { 403: "wrong_password", 429: "too_many" };
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
    result.textContent = text(REASONS[response.status] ?? "no_answer");
  } catch {
    result.textContent = text("no_answer");
  }
  field.select();
});
