import { existsSync, readFileSync } from 'node:fs'

export interface Obstacle {
  cause: string
  /** A sentence for the operator with the command to run. */
  remedy: string
}

export const NO_BUBBLEWRAP: Obstacle = {
  cause: 'The program bwrap (bubblewrap) is not installed',
  remedy: 'Install it and restart: "apt-get install bubblewrap", "dnf install bubblewrap" or "apk add bubblewrap"',
}

/** Explains why a sandbox does not start, from its error output and the settings of this machine. */
export function obstacleOf(text: string): Obstacle {
  const cause = `A sandbox cannot start: ${text.split('\n')[0]?.slice(0, 300)}`
  if (!/namespace|clone|unshare|uid map|setting up|Permission denied|not permitted/i.test(text))
    return { cause, remedy: 'Run "zerodb doctor" for details' }
  if (sysctl('kernel/apparmor_restrict_unprivileged_userns') === '1')
    return {
      cause: `${cause} (AppArmor forbids user namespaces for programs without a profile)`,
      remedy:
        'Allow them: "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0", or give bwrap an AppArmor profile with "userns,"',
    }
  if (sysctl('user/max_user_namespaces') === '0')
    return {
      cause: `${cause} (user namespaces are disabled)`,
      remedy: 'Allow them: "sysctl -w user.max_user_namespaces=10000"',
    }
  if (sysctl('kernel/unprivileged_userns_clone') === '0')
    return {
      cause: `${cause} (only root may create user namespaces)`,
      remedy: 'Allow them: "sysctl -w kernel.unprivileged_userns_clone=1"',
    }
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv'))
    return {
      cause: `${cause} (the seccomp profile of this container forbids user namespaces)`,
      remedy:
        'Run the container with a profile that allows clone, unshare, mount, pivot_root and setns, e.g. "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"',
    }
  return { cause, remedy: 'Run "zerodb doctor" for details' }
}

function sysctl(name: string): string | null {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim()
  } catch {
    return null
  }
}
