import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A real peer or program that tests talk to, and the Debian package that brings it. */
interface SystemTool {
  what: string;
  debianPackage: string;
  /** A file that is there when the package is installed. */
  file: string;
}

const tools: readonly SystemTool[] = [
  { what: 'DCMTK', debianPackage: 'dcmtk', file: '/usr/bin/storescu' },
  { what: 'Orthanc', debianPackage: 'orthanc', file: '/usr/sbin/Orthanc' },
  {
    what: "Orthanc's DICOMweb plugin",
    debianPackage: 'orthanc-dicomweb',
    file: '/usr/share/orthanc/plugins/libOrthancDicomWeb.so',
  },
  { what: 'dicom3tools', debianPackage: 'dicom3tools', file: '/usr/bin/dciodvfy' },
  { what: '7-Zip', debianPackage: 'p7zip-full', file: '/usr/bin/7z' },
  { what: 'dcm2niix', debianPackage: 'dcm2niix', file: '/usr/bin/dcm2niix' },
  { what: 'Chromium', debianPackage: 'chromium', file: '/usr/bin/chromium' },
  {
    what: 'a font for Japanese',
    debianPackage: 'fonts-noto-cjk',
    file: '/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc',
  },
];

/**
 * Installs `packages` as root. Debian starts a server when it is installed; tests start their own, so a policy-rc.d
 * forbids that for the time being, unless the machine has a policy of its own.
 */
const installScript = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 update -qq
apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends "$@"
`;

/**
 * Makes sure that every tool is there: installs what is missing where that may be done without asking anybody, else
 * throws with the command that would do it.
 */
export function ensureSystemTools(): void {
  const missing = tools.filter(({ file }) => !existsSync(file));
  if (missing.length === 0) {
    return;
  }
  const names = missing.map(({ what }) => what).join(', ');
  const packages = missing.map(({ debianPackage }) => debianPackage);
  const root = rootCommand();
  const advice = `apt-get update && apt-get install ${packages.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(
      `The tests talk to ${names}, which this machine lacks, and it has no apt-get. On Debian 12 they come by: ${advice}`,
    );
  }
  if (!root) {
    throw new Error(`The tests talk to ${names}, which this machine lacks. As root, run: ${advice}`);
  }
  console.log(`Installing what the tests talk to: ${names}`);
  const { status } = spawnSync(root[0]!, [...root.slice(1), 'sh', '-c', installScript, 'sh', ...packages], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const stillMissing = missing.filter(({ file }) => !existsSync(file));
  if (status !== 0 || stillMissing.length > 0) {
    throw new Error(`${names} could not be installed: see above. By hand, as root: ${advice}`);
  }
}

/** What to put before a command that root must run; `undefined` where that would need a password. */
function rootCommand(): string[] | undefined {
  if (process.getuid?.() === 0) {
    return ['env'];
  }
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}
