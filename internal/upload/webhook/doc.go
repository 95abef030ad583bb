// Package webhook tells Django of published files: by a POST to one URL, whose body is what Django's own signing.dumps
// would have made of the event, so that the application checks it with one call of signing.loads.
//
//	queue, err := webhook.Open(webhook.Options{URL: url, Dir: filepath.Join(stateDir, "webhook"), Sign: sign})
//	go queue.Run(ctx)             // whoever starts it waits for it
//	err = queue.Add(ctx, event)   // on the disk when it returns
//
// # What is promised
//
// Each event that Add took is delivered at least once, whatever happens to this process or the machine. It may come
// twice: when the answer was lost, or when the process died before it could note it. The receiver tells by the
// event's id. No order is promised: among the events that are due the oldest goes first, but several are on their way
// at once, and one that was refused waits for its next turn while others pass.
//
// # When it is delivered
//
//	2xx                        delivered
//	410                        given up at once: so the application says that it wants no more of this event
//	every other answer         refused, and tried again; given up at the 300th refusal, after about a day
//	408, 425, 429, 502 to 504  not the application's own word on the event: tried again, without an end
//	no answer                  the same
//
// A redirect is a refusal; it is not followed. An event is tried again after 1 s, 2 s, 4 s and so on, up to 5
// minutes. After any failure the whole queue pauses, in the same steps, up to 30 s, and then asks with one event at a
// time until one is delivered: an application that is down is not run over, and takes up its work within half a
// minute. Retry-After, up to an hour, makes both longer.
//
// # The folder
//
// An event is a file, whose content is the JSON that is signed, and whose name says the rest:
//
//	01793511900123456789-K3QX….0.0.0.event     when it was added, its id, when it is due, how often tried, how often refused
//	failed/                                    events that were given up; moved back up, they begin again
//	corrupt/                                   what was found here and is no event
//
// Nothing is ever removed but what was delivered. Adding writes the file under another name, writes it to the disk,
// renames it, and writes the folder to the disk. A try that failed renames it, which needs no write to the disk: the
// old name is as good. Memory does not grow with the queue: the folder is read again for every thousand events.
//
// Several processes may share the folder, as an old and a new one do for a moment: a file is locked while it is
// delivered. On a file system without locks both may deliver it.
package webhook
