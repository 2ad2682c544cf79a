// A zip archive of files that are compressed already: they are stored as they are (PKWARE's APPNOTE, version 2.0).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

const DATE = 0x0021; // 1 January 1980: the same files give the same archive

export function checksum(bytes) {
  return ~bytes.reduce((value, byte) => TABLE[(value ^ byte) & 255] ^ (value >>> 8), ~0) >>> 0;
}

// Writes numbers in little-endian order; each is [value, bytes].
function packed(...numbers) {
  return Uint8Array.from(
    numbers.flatMap(([value, size]) => Array.from({ length: size }, (_, place) => (value / 256 ** place) & 255)),
  );
}

/**
 * Packs files into a zip archive.
 * @param {[string, Uint8Array][]} files names in ASCII, and contents
 * @returns {Blob}
 */
export function zip(files) {
  const [parts, directory] = [[], []];
  let offset = 0;
  for (const [name, content] of files) {
    const title = new TextEncoder().encode(name);
    const [size, version] = [[content.length, 4], [20, 2]];
    const common = [[0, 2], [0, 2], [0, 2], [DATE, 2], [checksum(content), 4], size, size, [title.length, 2], [0, 2]];
    const local = [packed([0x04034b50, 4], version, ...common), title, content];
    const entry = packed([0x02014b50, 4], version, version, ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
    directory.push(entry, title);
    parts.push(...local);
    offset += local.reduce((sum, part) => sum + part.length, 0);
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const [count, zero] = [[files.length, 2], [0, 2]];
  const end = packed([0x06054b50, 4], zero, zero, count, count, [size, 4], [offset, 4], zero);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
