// Package avatar makes the pictures of users and keeps them: it decodes what somebody
// uploads, turns and cuts it, writes it anew without anything but its pixels, and stores
// it in a folder or in S3. It knows neither accounts nor HTTP.
package avatar
