package extauthz

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// errMalformed says that a message is not one of protobuf.
var errMalformed = errors.New("the message is malformed")

// fields hands each text, bytes or message field of a message to take, in the order of the message. Numbers are passed
// over: none of those that Envoy sends decides anything.
func fields(message []byte, take func(number int, value []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errMalformed
		}
		message = message[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
				return errMalformed
			}
			message = message[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(message)
		if n < 0 {
			return errMalformed
		}
		message = message[n:]
		if err := take(int(number), value); err != nil {
			return err
		}
	}
	return nil
}

// mapEntry reads an entry of a map<string, string>.
func mapEntry(message []byte) (extension, error) {
	var e extension
	err := fields(message, func(number int, value []byte) error {
		switch number {
		case 1:
			e.key = string(value)
		case 2:
			e.value = string(value)
		}
		return nil
	})
	return e, err
}

// headerValue reads a HeaderValue: its value is text, or raw_value where Envoy sends the bytes as they came.
func headerValue(message []byte) (extension, error) {
	var e extension
	raw := false
	err := fields(message, func(number int, value []byte) error {
		switch {
		case number == 1:
			e.key = string(value)
		case number == 2 && !raw:
			e.value = string(value)
		case number == 3:
			e.value, raw = string(value), true
		}
		return nil
	})
	return e, err
}

// The rest is for writing.

func appendText(b []byte, number protowire.Number, text string) []byte {
	if text == "" {
		return b // as proto3 writes it
	}
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), text)
}

// numberField is a message whose first field alone is set, to a number.
func numberField(value uint64) []byte {
	if value == 0 {
		return nil
	}
	return protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), value)
}

func appendMessage(b []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), message)
}
