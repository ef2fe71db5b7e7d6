// Package instrument is the contract between a program and the runner that started it.
//
// The program finds three descriptors open: 3 is the listening socket it serves on, 4 takes what really happened as one
// JSON object a line (see Event), 5 brings the private setting as its first line (see Setting) and commands after it.
// Nothing of that appears in the environment, on the command line, in a profile or on a port.
//
// A case opens a Ledger for what it may come to hold, a Unit for each piece of it, and tells the unit what becomes of
// it; the ledger works out from that, in the program and in its twin alike, what is held for good.
package instrument
