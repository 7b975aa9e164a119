package events

import "time"

// Next is the first moment of a schedule after t.
func Next(expression string, t time.Time) (time.Time, error) {
	s, err := parseSchedule(expression)
	if err != nil {
		return t, err
	}
	return s.next(t), nil
}

// Payload is what a target with these settings gets of an event.
func Payload(event string, input, path, template *string, paths map[string]string) (string, error) {
	t := target{Input: input, InputPath: path, Template: template, Paths: paths}
	return t.payload([]byte(event), &rule{Region: "eu-central-1", Bus: defaultBus, Name: "r"}, time.Unix(0, 0))
}
