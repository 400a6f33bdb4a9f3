package origin

// Revision is for tests.
const Revision = revision
