package dump

// archive reads an archive of pg_dump -Fc.
func (rd *reading) archive() error {
	return invalid(Format, 0, "an archive of pg_dump -Fc: turn it into a plain file with pg_restore -f dump.sql archive, and bring that")
}
