// Package twilio is the carrier Twilio: it places messages and calls, asks what became
// of them and takes Twilio's callbacks. It is the only importer of twilio-go.
//
// # One message
//
//	dialer.Request -> Client.Place -> one POST -> dialer.Answer: accepted | refused | withdrawn | unclear
//	    -> Twilio posts to /twilio/status/{reference} -> Callbacks -> Inbox.Status -> 204
//	    -> the contact answers -> /twilio/inbound -> Callbacks -> Inbox.Inbound -> TwiML
//
// # One call
//
// A call goes the same way (call.go). What it says goes with the request, as a document
// that twilio-go's builder writes (document.go), and so nobody must be there to answer
// when a phone is picked up. Further news of it:
//
//	a digit            -> /twilio/digit/{reference}   -> CallInbox.Pressed  -> a document
//	who has answered   -> /twilio/machine/{reference} -> CallInbox.Detected -> 204
//	somebody rings us  -> /twilio/voice               -> CallInbox.RungBack -> a document
//
// Twilio has no idempotency key for messages, so an attempt whose answer is
// lost can never be sent again safely. Everything here follows from that:
//
//   - Place makes one try. It claims only what it can prove, and an answer
//     proves something only if it is Twilio's own: a message with a valid name,
//     an error object whose status is the response's, or no connection at all.
//     A time-out, a proxy's error page, a redirect or half a body is Unclear.
//   - The address of the status callback carries a reference: the attempt's
//     sequence number with a MAC. It is the one key that Twilio hands back, and
//     it works even where the answer to the POST never came.
//   - A callback is answered with success only after the Inbox has returned,
//     and is asked to be repeated otherwise.
//
// # What stands under twilio-go
//
// twilio-go writes the paths and the parameters. Its own HTTP client is not
// used: it knows no context, drops the response's headers, leaks a connection
// with many error answers and takes a redirect for success. In its place an
// exchange, one small value a call, sends the request over the Client's one
// transport and reads the answer whole.
//
// # Silence about numbers
//
// A phone number stands in the request's form, in the query of a list and in
// Twilio's error messages. So no error or log line here repeats a URL, a body
// or a text that came from the network: faults are told in words of our own.
//
// # Not checked against Twilio itself
//
// Whether Twilio's signature covers the fragment of the callback's URL; both
// are accepted. How its detection of machines does. Twilio's documentation was read and its Go and Node libraries
// were run, but no account was used.
package twilio
