// Uploads one file with tus-js-client or with Uppy's tus plugin, over whatever happens to the connection, and prints one
// line of JSON at the end: what the last answer said. It is run by internal/upload/tus/clients_live_test.go, in the
// directory that tools/setup.sh installs the packages in.
//
//     node client.mjs '{"client": "tus" | "uppy", "endpoint": "…", "file": "…", "cookie": "…", …}'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'

const job = JSON.parse(process.argv[2])
const from = createRequire(`${process.cwd()}/package.json`)
const load = async (name) => import(pathToFileURL(from.resolve(name)))

// Many, since the test breaks connections all the time. A retry that made progress starts again with the first.
const retryDelays = Array(50).fill(20)

const describe = (response) => ({
  status: response?.getStatus(),
  name: response?.getHeader('Upload-Name'),
  digest: response?.getHeader('Repr-Digest'),
})

const common = {
  endpoint: job.endpoint,
  headers: { Cookie: job.cookie },
  retryDelays,
  chunkSize: job.chunkSize ?? Infinity,
  uploadDataDuringCreation: job.uploadDataDuringCreation ?? false,
  uploadLengthDeferred: job.uploadLengthDeferred ?? false,
}

async function withTus() {
  const tus = await load('tus-js-client')
  // tus-js-client 4.3.1 knows the end of a stream, but with uploadLengthDeferred not that of a file (FileSource.slice).
  const source = job.uploadLengthDeferred ? createReadStream(job.file).pipe(new PassThrough()) : createReadStream(job.file)
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(source, {
      ...common,
      metadata: { filename: job.name, filetype: 'application/octet-stream' },
      onError: reject,
      onProgress: (sent) => {
        if (job.abortAt !== undefined && sent >= job.abortAt) {
          upload.abort(true).then(() => resolve({ aborted: true, url: upload.url }), reject)
          job.abortAt = undefined
        }
      },
      onSuccess: ({ lastResponse }) => resolve({ url: upload.url, ...describe(lastResponse) }),
    })
    upload.start()
  })
}

async function withUppy() {
  const { default: Uppy } = await load('@uppy/core')
  const { default: Tus } = await load('@uppy/tus')
  let last
  const uppy = new Uppy().use(Tus, { ...common, onAfterResponse: (_, response) => { last = response } })
  uppy.addFile({ name: job.name, type: 'application/octet-stream', data: readFileSync(job.file), size: statSync(job.file).size })
  const { successful, failed } = await uppy.upload()
  if (failed.length) throw new Error(failed[0].error)
  return { url: successful[0].uploadURL, ...describe(last) }
}

try {
  console.log(JSON.stringify(await (job.client === 'uppy' ? withUppy() : withTus())))
} catch (error) {
  console.error(error)
  process.exit(1)
}
