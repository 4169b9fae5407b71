// Answers each line of the input, a text in JSON, with how Twilio's calculator
// measures it. It is run in a folder where npm has installed the calculator.
const path = require("path");
const readline = require("readline");
const {SegmentedMessage} = require(path.join(process.cwd(), "node_modules", "sms-segments-calculator"));

readline.createInterface({input: process.stdin}).on("line", (line) => {
	const measured = new SegmentedMessage(JSON.parse(line));
	console.log(JSON.stringify({Encoding: measured.getEncodingName(), Segments: measured.segmentsCount}));
});
