// Package cpix reads and writes CPIX documents (DASH-IF Content Protection Information Exchange, 2.0 to 2.4) as SPEKE uses
// them: the question of an encryptor, with empty elements for what it wants to know, and the answer of a key server, which
// fills them. Both are a [Document], so the package serves both sides.
//
// What comes in is hostile: [Parse] takes no more bytes than it is told, no document type, no entities and no deep nesting,
// skips what it does not know, and refuses what is said twice. XML signatures are not looked at.
package cpix
