import { z } from 'zod'
import { optionalProjectId } from './common.ts'

/** Limits of the packages of one version. */
export const MAX_PACKAGES = 200
export const MAX_WHEELS_BYTES = 100 * 1024 * 1024
export const MAX_UNPACKED_BYTES = 400 * 1024 * 1024
export const MAX_UNPACKED_FILES = 20_000

const fileName = z
  .string()
  .max(200)
  .regex(
    /^[A-Za-z0-9_.+!]+(-[A-Za-z0-9_.+!]+){4,5}\.whl$/,
    'Must be the file name of a wheel: name-version-python-abi-platform.whl',
  )
  .meta({
    description: 'File name of the wheel, which has its name, its version and what it is built for',
    examples: ['requests-2.32.3-py3-none-any.whl'],
  })
const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'Must be a SHA-256 as 64 lower-case hexadecimal digits')
  .meta({
    description: 'SHA-256 of the wheel',
    examples: ['70761cfe03c773ceb22aa2f671b4757976145175cdfca038c02654d061d6dcc6'],
  })

/** A wheel in the request of a deployment. */
export const lockedPackage = z
  .strictObject({ file_name: fileName, sha256 })
  .meta({ id: 'LockedPackage', description: 'An uploaded wheel, by its exact content' })
export type LockedPackage = z.infer<typeof lockedPackage>

/** A package of a version. */
export const installedPackage = z
  .object({
    name: z.string().describe('Name of the package in normal form: lower case, with hyphens'),
    version: z.string().describe('Version of the package'),
    file_name: z.string().describe('File name of the wheel'),
    sha256: z.string().describe('SHA-256 of the wheel'),
    size_bytes: z.number().describe('Size of the wheel in bytes'),
  })
  .meta({ id: 'Package', description: 'A Python package, as an uploaded wheel' })
export type InstalledPackage = z.infer<typeof installedPackage>
export const installedPackages = z.array(installedPackage).describe('Python packages of the version, by name')

export const packageUpload = z.object({
  project_id: optionalProjectId,
  file_name: fileName.optional().describe('File name of the wheel. When absent: the name of the file part'),
  file_content: z
    .base64()
    .optional()
    .describe('Content of the wheel in base64, in a JSON body. Otherwise the file part has it'),
})

export const packageTargetQuery = z.object({})

export const packageTarget = z
  .object({
    python_version: z.string().meta({ description: 'Version of the interpreter of functions', examples: ['3.11.2'] }),
    python_tags: z.array(z.string()).describe('Python tags of wheels that fit, best first'),
    abi_tags: z.array(z.string()).describe('ABI tags of wheels that fit, best first'),
    platform_tags: z.array(z.string()).describe('Platform tags of wheels that fit, best first'),
    max_packages: z.number().describe('Maximum number of packages of a version'),
    max_wheels_bytes: z.number().describe('Maximum size of all wheels of a version'),
    max_unpacked_bytes: z.number().describe('Maximum size of all files in the wheels of a version'),
    max_unpacked_files: z.number().describe('Maximum number of files in the wheels of a version'),
  })
  .meta({ id: 'PackageTarget', description: 'What the wheels of Python functions must fit' })
export type PackageTarget = z.infer<typeof packageTarget>

const packageVersion = z.object({
  name: z.string().describe('Name of the package'),
  from: z.string().nullable().describe('Version in the older version of the function; null: it was not there'),
  to: z.string().nullable().describe('Version in the newer version of the function; null: it is not there'),
})
export const packageChanges = z
  .array(packageVersion.meta({ id: 'PackageChange', description: 'A package that was added, removed or changed' }))
  .describe('Python packages that differ, by name. Equal versions mean another wheel of the same version')
export type PackageChanges = z.infer<typeof packageChanges>
