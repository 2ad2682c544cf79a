// A gray PNG file (ISO/IEC 15948). A canvas writes files with four channels, of which a server needs several times as
// long to decode the pixels.

import { checksum } from "./zip.js";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/**
 * Packs a gray picture into a PNG file.
 * @param {ImageData} picture its red channel is taken
 * @returns {Promise<Blob>}
 */
export async function grayPng({ data, width, height }) {
  const header = new DataView(new ArrayBuffer(13)); // of kind 0, gray, and not interlaced
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // bits
  const rows = new Uint8Array(height * (width + 1)); // each begins with 0: it has no filter
  for (let row = 0; row < height; row += 1) {
    const [from, to] = [4 * row * width, row * (width + 1) + 1];
    for (let column = 0; column < width; column += 1) rows[to + column] = data[from + 4 * column];
  }
  const deflated = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const pixels = new Uint8Array(await new Response(deflated).arrayBuffer());
  const chunks = [chunk("IHDR", new Uint8Array(header.buffer)), chunk("IDAT", pixels), chunk("IEND", new Uint8Array())];
  return new Blob([SIGNATURE, ...chunks], { type: "image/png" });
}

// Packs a chunk: its length, its name and content, and their checksum.
function chunk(name, content) {
  const packed = new Uint8Array(content.length + 12);
  const view = new DataView(packed.buffer);
  view.setUint32(0, content.length);
  packed.set(new TextEncoder().encode(name), 4);
  packed.set(content, 8);
  view.setUint32(content.length + 8, checksum(packed.subarray(4, content.length + 8)));
  return packed;
}
