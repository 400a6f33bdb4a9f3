// Package mediatest checks implementations of the interfaces of package media, as testing/fstest does for file systems,
// and has small made-up ones for tests of what reads them.
//
//	func TestMySource(t *testing.T) { mediatest.TestSource(t, openMySource(t)) }
//
// [TestSource] asks a Source for its samples in several ways and compares the answers, [TestPresentation] reads every
// segment of a Timeline and holds it to what the Timeline says, [TestObject] reads an Object at many offsets and from
// many goroutines. [Source] is a Source of samples held in memory, [Presentation] a Presentation of one.
//
// The checks know nothing of codecs and formats: they hold the contract of package media, nothing more.
package mediatest
