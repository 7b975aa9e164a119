// What public/early.js needs to know of the build: the files of the product page's code, so that it can send for them
// before the first of the page's own code has come.

/** The files that a lazily loaded module needs beyond those that index.html loads itself, in the order of need. */
export function filesOf(bundle, module) {
  const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
  const start = new Set();
  const walk = (chunk, into) => {
    if (!chunk || into.has(chunk.fileName) || start.has(chunk.fileName)) return into;
    into.add(chunk.fileName);
    for (const name of chunk.imports) walk(bundle[name], into);
    return into;
  };
  for (const chunk of chunks) if (chunk.isEntry) walk(chunk, start);
  const wanted = chunks.find((chunk) => chunk.facadeModuleId?.endsWith(module));
  if (!wanted) throw new Error(`the build has no chunk of its own for ${module}: public/early.js cannot send for it`);
  return [...walk(wanted, new Set())];
}

/** Vite plugin: writes the files of the product page onto the tag of early.js. In development there are none. */
export function early() {
  let base = '/';
  return {
    name: 'grocery-early',
    configResolved(config) {
      base = config.base;
    },
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        if (!bundle) return html;
        const files = filesOf(bundle, '/src/app/routes/ProductPage.tsx').map((file) => base + file);
        const written = html.replace(/<script src="([^"]*\/early\.js)"/, (_, src) => `<script src="${src}" data-files="${files.join(' ')}"`);
        if (written === html) throw new Error('index.html loads no early.js');
        return written;
      },
    },
  };
}
