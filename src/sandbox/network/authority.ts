import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const HOUR_MS = 3_600_000
/** Clocks of sandbox and server are the same one, but a certificate must also be valid right after the clock was set back. */
const BACKDATED_MS = HOUR_MS
const LEAF_MS = 24 * HOUR_MS
const AUTHORITY_MS = 3_650 * 24 * HOUR_MS
/** A certificate is replaced when less than half of its time is left. */
const MIN_LEFT_MS = LEAF_MS / 2
const MAX_CACHED = 1_000

/** An own certificate authority, whose key exists only in the memory of this process. */
export interface Authority {
  /** Certificate of the authority, as PEM. */
  readonly certificate: string
  /** Creates certificate and key of a server, as PEM. `host` is a name or an address. */
  issue(host: string): Promise<{ cert: string; key: string }>
  /** Returns the context of a server with this name for TLS. Certificates are valid for a day, and are reused for half of it. */
  contextFor(host: string): Promise<SecureContext>
}

/** Creates an authority with a new key. */
export async function createAuthority(): Promise<Authority> {
  // The package needs this polyfill. Both take 0.3 s to load, so that only servers with such functions load them.
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(webcrypto as never)

  const newKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const validity = (ms: number) => {
    const now = Date.now()
    return { notBefore: new Date(now - BACKDATED_MS), notAfter: new Date(now + ms) }
  }
  // A positive number, as serial numbers must be.
  const serialNumber = () => `00${randomBytes(16).toString('hex')}`
  const keys = await newKeys()
  const name = `CN=zerodb-functions sandbox authority ${randomBytes(4).toString('hex')}`
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name,
    ...validity(AUTHORITY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })

  async function issue(host: string): Promise<{ cert: string; key: string }> {
    const own = await newKeys()
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      // The name is in the extension: the subject is limited to 64 characters.
      subject: 'CN=zerodb-functions sandbox',
      issuer: name,
      ...validity(LEAF_MS),
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: isIP(host) ? 'ip' : 'dns', value: host }]),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    const exported = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey))
    const key = createPrivateKey({ key: exported, format: 'der', type: 'pkcs8' })
    return { cert: certificate.toString('pem'), key: String(key.export({ format: 'pem', type: 'pkcs8' })) }
  }

  const contexts = new Map<string, { context: Promise<SecureContext>; until: number }>()
  return {
    certificate: root.toString('pem'),
    issue,
    contextFor(host) {
      const known = contexts.get(host)
      if (known && known.until > Date.now()) return known.context
      if (contexts.size >= MAX_CACHED) contexts.delete(contexts.keys().next().value!)
      const context = issue(host).then((pair) => createSecureContext({ ...pair, minVersion: 'TLSv1.2' }))
      contexts.set(host, { context, until: Date.now() + LEAF_MS - MIN_LEFT_MS })
      context.catch(() => contexts.delete(host))
      return context
    },
  }
}
