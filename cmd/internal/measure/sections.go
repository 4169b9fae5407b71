package main

// sections are the table's parts, in the order in which they are measured: what
// a part sets up, the next ones use.
var sections = []section{
	{"numbers", "Reading numbers", "Numbers as lists bring them.", measureNumbers},
	{"decision", "Deciding", "The whole pack for one contact, in memory.", measureDecision},
	{
		"dispatch", "Sending",
		"SMS with a delivery report each, all of it durable, over plain HTTP to a stub that answers at once; the daemon, the bare loop and\n" +
			"Kannel in turn, each in processes of its own. The bare loop is twilio-go over a transport that keeps its connections,\n" +
			"and a callback server that checks nothing and keeps nothing. Kannel keeps its store in a file, which survives a kill but not a power\n" +
			"loss.", measureDispatch,
	},
	{"import", "Importing", "The whole country into an empty data directory.", measureImport},
	{"lists", "Lists that go into the ledger", "Over the whole country, into an empty ledger.", measureLists},
	{"count", "Counting a segment", "Elderly women of six departments.", measureCount},
	{"memory", "Memory", "The daemon's anonymous memory, as the kernel counts it.", measureMemory},
	{"disk", "Disk, and what must be true after a run", "Pages of each table, over its rows.", measureDisk},
	{"growth", "Growth", "What a contact costs in a small country and in a large one, in one campaign and in many at once.", measureGrowth},
	{"restart", "After a kill", "A ledger full of attempts, opened again.", measureRestart},
}
