// An OpenID Connect provider for the test beside it: `node provider.mjs FOLDER CONFIGURATION`. FOLDER has the package
// oidc-provider, CONFIGURATION is a JSON file with the client, and the accounts by their identifiers. It is read again at
// each sign-in. Prints its issuer.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { pathToFileURL } from 'node:url';

const [folder, file] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`));
const configuration = () => JSON.parse(readFileSync(file, 'utf8'));

const server = http.createServer((request, response) => answer(request, response));
let answer;
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [configuration().client],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    scopes: ['openid', 'email', 'profile', 'groups'],
    cookies: { keys: ['only for tests'] },
    findAccount: (_, id) => {
      const account = configuration().accounts[id];
      return account && { accountId: id, claims: () => ({ sub: id, ...account }) };
    },
  });
  answer = provider.callback();
  console.log(issuer);
});
