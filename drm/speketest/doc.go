// Package speketest is a SPEKE key server in memory, for tests of whoever asks key servers. It knows SPEKE 1.0, 2.0 and 2.1,
// checks requests as AWS's own verification suite does and with the messages that the specification gives, makes keys that
// follow from their ids, encrypts them if the request brings a certificate, and errs on demand.
//
//	server := speketest.New(&speketest.Handler{Auth: speketest.Basic("user", "password")})
//	defer server.Close()
//	client := &speke.Client{URL: server.URL, Auth: speke.Basic("user", "password")}
//	…
//	server.SetFaults(speketest.Fault{Kind: speketest.WrongKeyID, Content: "channel-2"})
//
// [Handler] alone is an http.Handler, for a server of one's own. What was asked is in [Handler.Requests].
//
// Its keys are known to all who read this package: they protect nothing.
package speketest
