// A digit as Twilio sends it: signed by Twilio's own library, posted as a form.
// Usage: node digits.mjs MODULES AUTH_TOKEN URL key=value ...
// MODULES is the folder with node_modules/twilio. Prints the answer's status and body.
import { createRequire } from "node:module";

const [modules, token, url, ...pairs] = process.argv.slice(2);
const { getExpectedTwilioSignature } = createRequire(`${modules}/`)("twilio/lib/webhooks/webhooks.js");
const fields = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
const answer = await fetch(url, {
  method: "POST",
  headers: {
    "Content-Type": "application/x-www-form-urlencoded",
    "X-Twilio-Signature": getExpectedTwilioSignature(token, url, fields),
  },
  body: new URLSearchParams(fields),
});
console.log(answer.status);
console.log(await answer.text());
