// Package daemon puts dialerd together: it is the one place that knows every
// other package. New opens what must be there before anything can be dialled,
// Run works until it is told to stop, and what was opened is closed in the
// reverse order. Everything that decides anything lives below.
package daemon
