/** What the shop takes as it is. Anything else becomes a JPEG of a moderate size first. */
const TYPES = ['image/png', 'image/jpeg', 'image/gif'];
const PLAIN_BYTES = 1024 * 1024;
/** The longer side of a picture that was scaled down, in pixels; the shop shows a quarter of it. */
const SIDE = 1024;

/** Makes a picture of any size fit to be uploaded. Null when the browser cannot read it. */
export async function fitPicture(file: File): Promise<Blob | null> {
  if (TYPES.includes(file.type) && file.size <= PLAIN_BYTES) return file;
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return null;
  }
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext('2d');
  if (!context) return null;
  // A JPEG has no transparency; without a ground it would be black.
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.9));
}
