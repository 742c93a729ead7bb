import type { Download } from './transport.ts'

/** Wraps the content of a response. */
export function downloadOf(response: Response): Download {
  const { headers } = response
  return {
    content_type: headers.get('content-type') ?? 'application/octet-stream',
    file_name: decodeURIComponent(
      /filename\*=UTF-8''([^;]+)/.exec(headers.get('content-disposition') ?? '')?.[1] ?? 'file',
    ),
    size: headers.has('content-length') ? Number(headers.get('content-length')) : null,
    etag: headers.get('etag')?.replaceAll('"', '') ?? null,
    stream: response.body ?? new Blob([]).stream(),
    bytes: async () => new Uint8Array(await response.arrayBuffer()),
    text: () => response.text(),
  }
}
