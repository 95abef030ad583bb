package djangotest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
)

// maxAnswerBytes is more than any answer of a Conversation has.
const maxAnswerBytes = 64 << 20

// Conversation is a program that answers each line of JSON with another one, such as a live Django.
type Conversation struct {
	name    string
	in      io.Writer
	answers *bufio.Scanner
}

// Converse starts the program. It ends with the test: at the end of its input, by itself. The name is for messages.
func Converse(tb testing.TB, name string, cmd *exec.Cmd) *Conversation {
	tb.Helper()
	cmd.Stderr = os.Stderr // tracebacks
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			tb.Errorf("%s: %v", name, err)
		}
	})
	c := &Conversation{name: name, in: in, answers: bufio.NewScanner(out)}
	c.answers.Buffer(nil, maxAnswerBytes)
	return c
}

// Ask sends a question, and decodes the answer into each of these. The test fails where there is no answer.
func (c *Conversation) Ask(tb testing.TB, question any, into ...any) {
	tb.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		tb.Fatalf("asking %s: %v", c.name, err)
	}
	if !c.answers.Scan() {
		tb.Fatalf("%s has ended instead of answering: %v", c.name, c.answers.Err())
	}
	for _, answer := range into {
		if err := json.Unmarshal(c.answers.Bytes(), answer); err != nil {
			tb.Fatalf("%s: the answer %.200s: %v", c.name, c.answers.Bytes(), err)
		}
	}
}
