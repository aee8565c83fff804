/** The pages of the application of a guardian: school accounts only. */
export const BINDING_ROUTES: readonly string[] = [
  ...['GET /binding', 'POST /binding/restart', 'GET /binding/withdraw'],
  ...['POST /binding/withdraw', 'GET /binding/student', 'POST /binding/student'],
  ...['GET /binding/notice', 'POST /binding/notice', 'GET /binding/applicants'],
  ...['POST /binding/applicants', 'GET /binding/applicant/1', 'POST /binding/applicant/1'],
  ...['GET /binding/applicant/2', 'POST /binding/applicant/2', 'GET /binding/evidence'],
  ...['POST /binding/evidence', 'POST /binding/evidence/remove', 'GET /binding/summary'],
  ...['POST /binding/summary'],
];

/** The pages of the console about the answers of families. A class and a school have the same ones; only a class has letters. */
export const ANSWER_ROUTES: readonly string[] = [
  ...['GET /console/binding', 'GET /console/binding/report.csv', 'GET /console/binding/classes/:id/letters'],
  ...['/console/binding/classes/:id', '/console/binding/schools/:code'].flatMap((path) => [
    ...[`GET ${path}`, `GET ${path}/report.csv`, `GET ${path}/reminders`, `POST ${path}/reminders`],
  ]),
];

/** The console routes of the settings of schools. */
export const SCHOOL_SETTING_ROUTES: readonly string[] = [
  ...['GET /console/register-check', 'POST /console/register-check', 'GET /console/school-contacts'],
  ...['GET /console/school-contacts/:code', 'POST /console/school-contacts/:code'],
  ...['GET /console/schools', 'GET /console/schools/new', 'POST /console/schools/new'],
  ...['GET /console/schools/:code', 'POST /console/schools/:code', 'POST /console/schools/:code/close'],
];
