// Package dump reads database dumps, checks them and puts them in the place of what
// the shop's database holds.
//
// It reads plain SQL as the old shop's users have it, plain files of pg_dump (COPY or
// INSERT), and archives of pg_dump -Fc, of the old shop's tables as well as of ours;
// each may be compressed by gzip. What a dump is, is told by its content.
//
// Nothing of a dump is ever executed. It is cut into tokens; statements that hold rows
// of known tables are read, those that only describe the schema are passed over, and
// everything else is refused. Rows are converted to the shop's present shape and go by
// COPY into temporary tables of the session, where they are checked against each
// other. Then one transaction replaces the live data. Whatever fails before its end,
// the dump, the network or the process, leaves the live data as it was and nothing
// behind. A dump of any size is read in bounded memory.
//
// The package may not know where a dump comes from or who asks for the restore: it
// reads an io.Reader and writes through a connection.
package dump
