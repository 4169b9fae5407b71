// Measure runs the whole table of performance figures and writes it down, each
// figure beside what it is held against, measured in the same run on the same
// machine:
//
//	country --import--> dialerd --HTTP--> stub     bare loop --HTTP--> stub
//	   '--COPY--> PostgreSQL                        Kannel --SMPP--> stub
//
// .ci/performance builds and starts it. Sections stand by themselves: each sets
// up what it needs, prints what it does and what it skips and why, and leaves its
// rows in a file of results, so that one section can be measured again and the
// table still be whole.
//
// The stubs answer at once, deliver at once and say so at once, as cheaply as
// they can: they share the cores with what is measured. That of Twilio keeps a
// log of what it was asked for, and the judge reads nothing else.
package main
