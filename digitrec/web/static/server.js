// The backend of the page that `digitrec web` serves: the server reads the pictures. It is served as backend.js.

const MAX_BYTES = 8 * 2 ** 20; // as in pictures.py

export const NOTE = "Nothing is stored.";

/**
 * Reads a picture.
 * @param {Blob} blob a picture file
 * @returns {Promise<import("./reader/reader.js").Reading | {error: string}>}
 */
export async function read(blob) {
  if (blob.size > MAX_BYTES) return { error: "The picture has more than 8 MiB: shrink it." };
  try {
    const response = await fetch("predict?images=1", { method: "POST", body: blob });
    const answer = await response.json();
    return answer.error || answer.digits ? answer : { error: "The server gives an answer that is none of digitrec." };
  } catch {
    return { error: "The server does not answer: is it still running?" };
  }
}
