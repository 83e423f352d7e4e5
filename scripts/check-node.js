// Says what to do where `npm start` would run with a Node that is too old. Plain JavaScript, because that Node reads this file.
const neededMajor = 24;

if (Number.parseInt(process.versions.node, 10) < neededMajor) {
  console.error(
    `Patchcord needs Node ${neededMajor} or newer and this is ${process.versions.node}. The right one comes with npm's package "node", whose install script has not run: npm was told to run no such scripts (ignore-scripts, allowScripts). Run "npm rebuild node --ignore-scripts=false", or install Node ${neededMajor}.`,
  );
  process.exitCode = 1;
}
