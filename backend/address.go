package shop

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Address is where an order goes.
type Address struct {
	Name       string `json:"name"`
	Street     string `json:"street"`
	PostalCode string `json:"postal_code"`
	City       string `json:"city"`
	Country    string `json:"country"`         // ISO 3166-1 alpha-2
	Phone      string `json:"phone,omitempty"` // optional
	Note       string `json:"note,omitempty"`  // optional, for the one who delivers
}

// Validate trims and checks the address. The message names the field, and so does the
// detail "field".
func (a *Address) Validate() error {
	for _, f := range []struct {
		name    string
		value   *string
		max     int
		needed  bool
		allowed func(string) bool
	}{
		{"name", &a.Name, 100, true, oneLine},
		{"street", &a.Street, 200, true, oneLine},
		{"postal_code", &a.PostalCode, 12, true, isPostalCode},
		{"city", &a.City, 100, true, oneLine},
		{"country", &a.Country, 2, true, isCountry},
		{"phone", &a.Phone, 30, false, isPhone},
		{"note", &a.Note, 500, false, someLines},
	} {
		*f.value = strings.TrimSpace(*f.value)
		s := *f.value
		switch {
		case s == "" && f.needed:
			return Errorf(EINVALID, "address.%s is required", f.name).With("field", "address."+f.name)
		case s == "":
		case utf8.RuneCountInString(s) > f.max:
			return Errorf(EINVALID, "address.%s must be at most %d characters long", f.name, f.max).With("field", "address."+f.name)
		case !Storable(s) || !f.allowed(s):
			return Errorf(EINVALID, "address.%s is not valid", f.name).With("field", "address."+f.name)
		}
	}
	return nil
}

// invisible reports whether a character would make a label or a receipt show something
// else than what is stored: controls, and marks that turn the direction of writing.
func invisible(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

func oneLine(s string) bool { return !strings.ContainsFunc(s, invisible) }

func someLines(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\r' && r != '\t' && invisible(r) })
}

func isPostalCode(s string) bool {
	return only(s, isAlphanumeric, " -") && strings.ContainsFunc(s, isAlphanumeric)
}

func isPhone(s string) bool { return only(s, isDigit, "+-/(). ") && strings.ContainsFunc(s, isDigit) }

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isAlphanumeric(r rune) bool { return isDigit(r) || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }

// only reports whether all characters are of a kind or stand in others.
func only(s string, kind func(rune) bool, others string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !kind(r) && !strings.ContainsRune(others, r) })
}

// countries are the codes officially assigned by ISO 3166-1, each followed by a space.
const countries = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR " +
	"GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP " +
	"KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ " +
	"NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW " +
	"SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ " +
	"UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW "

func isCountry(s string) bool {
	return len(s) == 2 && only(s, isAlphanumeric, "") && strings.Contains(countries, s+" ")
}
