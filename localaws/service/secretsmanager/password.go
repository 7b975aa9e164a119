package secretsmanager

import (
	"context"
	"strings"

	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/secretsmanagerapi"

	"grocery/localaws/service/internal/ptr"
)

// The kinds of characters of a random password.
// See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html.
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers     = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

func (s *Service) getRandomPassword(_ context.Context, in *api.GetRandomPasswordInput) (*api.GetRandomPasswordOutput, error) {
	length := int(ptr.Or(in.PasswordLength, 32))
	if length < 1 || length > 4096 {
		return nil, wire.Errorf(400, "ValidationException", "PasswordLength must be between 1 and 4096.")
	}
	exclude := ptr.Val(in.ExcludeCharacters)
	var kinds []string
	for _, k := range []struct {
		chars string
		leave bool
	}{
		{lowercase, ptr.Val(in.ExcludeLowercase)}, {uppercase, ptr.Val(in.ExcludeUppercase)}, {numbers, ptr.Val(in.ExcludeNumbers)},
		{punctuation, ptr.Val(in.ExcludePunctuation)}, {" ", !ptr.Val(in.IncludeSpace)},
	} {
		chars := strings.Map(func(c rune) rune {
			if strings.ContainsRune(exclude, c) {
				return -1
			}
			return c
		}, k.chars)
		if !k.leave && chars != "" {
			kinds = append(kinds, chars)
		}
	}
	all := strings.Join(kinds, "")
	if all == "" {
		return nil, wire.Errorf(400, "InvalidParameterException", "No characters are left to make the password of.")
	}
	each := ptr.Or(in.RequireEachIncludedType, true)
	if each && length < len(kinds) {
		return nil, wire.Errorf(400, "InvalidParameterException", "The password length %d is less than the number of required character types %d.", length, len(kinds))
	}
	password := make([]byte, length)
	for i := range password {
		password[i] = all[pick(len(all))]
	}
	if each { // one of each kind, at places drawn without repetition
		free := make([]int, length)
		for i := range free {
			free[i] = i
		}
		for _, chars := range kinds {
			j := pickLong(len(free))
			password[free[j]] = chars[pick(len(chars))]
			free = append(free[:j], free[j+1:]...)
		}
	}
	return &api.GetRandomPasswordOutput{RandomPassword: new(string(password))}, nil
}

// pickLong is pick for n up to 4096.
func pickLong(n int) int {
	if n <= 256 {
		return pick(n)
	}
	for {
		if i := pick(256)<<8 | pick(256); i < 65536/n*n {
			return i % n
		}
	}
}
