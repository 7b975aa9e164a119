package shop

import "strconv"

// Cents is an amount of money in euro cents. Money is never a float here; a float
// appears only in the JSON that old clients expect.
type Cents int64

// String returns the amount in euros with two decimals, such as "4.99".
func (c Cents) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	rest := strconv.FormatInt(int64(c%100), 10)
	if len(rest) == 1 {
		rest = "0" + rest
	}
	return sign + strconv.FormatInt(int64(c/100), 10) + "." + rest
}

// MarshalJSON writes the amount as a JSON number in euros with two decimals. The
// digits are exact: no float is involved.
func (c Cents) MarshalJSON() ([]byte, error) { return []byte(c.String()), nil }
