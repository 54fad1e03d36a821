//! The bytes of a snapshot: a header, columns of fixed rows, and blobs; little-endian.
