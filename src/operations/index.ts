import {
  embeddingsCreateOperation,
  embeddingsEmbedAndStore,
  embeddingsGenerateOperation,
  embeddingsModelsOperation,
  embeddingsReembed,
  embeddingsSearchOperation,
} from './embeddings.ts'
import { eventLogGet, eventLogHooks, eventLogListOperation } from './event-log.ts'
import { eventLogStreamOperation } from './event-stream.ts'
import { filesDelete, filesDownload, filesGet, filesList, filesSearch, filesUpload } from './files.ts'
import {
  functionsDelete,
  functionsDeploy,
  functionsDiff,
  functionsGet,
  functionsInvoke,
  functionsList,
  functionsRollback,
  functionsUpdate,
  functionsVersion,
  functionsVersions,
} from './functions.ts'
import { graphNeighbors } from './graph.ts'
import { hooksInvoke, hooksTestFilter } from './hook-testing.ts'
import { hooksCreate, hooksDelete, hooksGet, hooksList, hooksUpdate } from './hooks.ts'
import { keysCreate, keysList, keysRevoke } from './keys.ts'
import { authLogin, authLogout, authMe, authRefresh, authRegister } from './login.ts'
import {
  forgetOperation,
  memoryGet,
  memoryListOperation,
  memoryStoreOperation,
  recallOperation,
  rememberOperation,
} from './memories.ts'
import type { Operation } from './operation.ts'
import {
  projectsCreate,
  projectsDelete,
  projectsGet,
  projectsList,
  projectsStatus,
  projectsUpdate,
} from './projects.ts'
import { eventsGet, eventsList, eventsPublish } from './published.ts'
import { hooksBackfill, replaysCancel, replaysCreate, replaysGet, replaysList } from './replays.ts'
import { runsLogs } from './run-logs.ts'
import { hookRuns, runsCancel, runsGet, runsList, runsRedrive, runsRetry } from './runs.ts'
import { sandboxExecute } from './sandbox.ts'
import { schedulesGet, schedulesList, schedulesRun, schedulesUpdate } from './schedules.ts'
import { secretsDelete, secretsList, secretsSet } from './secrets.ts'
import {
  rowsGet,
  rowsInsert,
  rowsList,
  rowsQuery,
  tablesCreate,
  tablesDelete,
  tablesGet,
  tablesList,
} from './tables.ts'
import { backupsCreate, projectsExport, projectsImport } from './transfer.ts'
import { vectorsDelete, vectorsGet, vectorsList, vectorsSearch, vectorsUpsert, vectorsUpsertBatch } from './vectors.ts'
import { hooksRotateSecret } from './webhooks.ts'

/** All operations of the API. */
export const OPERATIONS: readonly Operation[] = [
  authRegister,
  authLogin,
  authRefresh,
  authLogout,
  authMe,
  keysCreate,
  keysList,
  keysRevoke,
  hooksCreate,
  hooksList,
  hooksGet,
  hooksUpdate,
  hooksDelete,
  hooksRotateSecret,
  hooksTestFilter,
  hooksInvoke,
  hookRuns,
  hooksBackfill,
  eventLogListOperation,
  eventLogStreamOperation,
  eventLogGet,
  eventLogHooks,
  functionsDeploy,
  functionsList,
  functionsGet,
  functionsUpdate,
  functionsDelete,
  functionsVersions,
  functionsVersion,
  functionsDiff,
  functionsRollback,
  functionsInvoke,
  secretsList,
  secretsSet,
  secretsDelete,
  schedulesList,
  schedulesGet,
  schedulesUpdate,
  schedulesRun,
  runsList,
  runsRedrive,
  runsGet,
  runsLogs,
  runsRetry,
  runsCancel,
  replaysCreate,
  replaysList,
  replaysGet,
  replaysCancel,
  projectsCreate,
  projectsList,
  projectsGet,
  projectsUpdate,
  projectsDelete,
  projectsStatus,
  projectsExport,
  projectsImport,
  backupsCreate,
  vectorsUpsert,
  vectorsUpsertBatch,
  vectorsSearch,
  vectorsList,
  vectorsGet,
  vectorsDelete,
  embeddingsGenerateOperation,
  embeddingsEmbedAndStore,
  embeddingsSearchOperation,
  embeddingsModelsOperation,
  embeddingsCreateOperation,
  embeddingsReembed,
  memoryStoreOperation,
  memoryListOperation,
  memoryGet,
  rememberOperation,
  recallOperation,
  forgetOperation,
  graphNeighbors,
  filesUpload,
  filesList,
  filesSearch,
  filesGet,
  filesDownload,
  filesDelete,
  tablesCreate,
  tablesList,
  tablesGet,
  tablesDelete,
  rowsInsert,
  rowsList,
  rowsQuery,
  rowsGet,
  eventsPublish,
  eventsList,
  eventsGet,
  sandboxExecute,
]
